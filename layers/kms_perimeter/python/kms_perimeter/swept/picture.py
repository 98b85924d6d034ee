"""The picture of all keys after a sweep, from the ledger; of KMS only the names are asked, and no policy."""

from __future__ import annotations

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kms_perimeter.aws.ledger import KEYS_PER_CALL
from kms_perimeter.aws.queues import batches
from kms_perimeter.errors import KeyIsGone, KmsRefusal
from kms_perimeter.evidence import DYING
from kms_perimeter.fleet import Fleet, KeyFinding, Skipped
from kms_perimeter.swept.standing import finding_of
from kms_perimeter.telling import UNWATCHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.aws.kms import Keys
    from kms_perimeter.aws.ledger import Known, Recorded
    from kms_perimeter.fleet import Day
    from kms_perimeter.sweep import Ended
    from kms_perimeter.swept.standing import Rules

WORKERS = 10  # as many connections as a client keeps
AWS_MANAGED = "alias/aws/"  # "An alias name cannot begin with aws/", the documentation of CreateAlias says


@dataclass(frozen=True, slots=True)
class Picture:
    """What the picture is made with.

    Attributes:
        keys: the keys of the account and Region.
        recorded: what the ledger has of them.
        rules: what they were judged by.
    """

    keys: Keys
    recorded: Recorded
    rules: Rules

    def take(self, ended: Ended, history: tuple[Day, ...]) -> Fleet:
        """The fleet as it stands after a sweep."""
        aliases = self._aliases()
        findings: list[KeyFinding] = []
        skipped: Counter[Skipped] = Counter()
        with ThreadPoolExecutor(WORKERS) as pool:
            for arns in batches(self.keys.all(), KEYS_PER_CALL):
                known = {one.key_arn: one for one in self.recorded.known(arns)}
                looks = (_Look(self, ended, aliases.get(_id(arn), ()), known.get(arn)) for arn in arns)
                for one in pool.map(_Look.at, looks, arns):
                    if isinstance(one, Skipped):
                        skipped[one] += 1
                    else:
                        findings.append(one)
        return Fleet(tuple(findings), ended.started_at, ended.finished_at, skipped, history=history)

    def _aliases(self) -> Mapping[str, tuple[str, ...]]:
        named: defaultdict[str, list[str]] = defaultdict(list)
        for alias, key_id in self.keys.aliases():
            named[key_id].append(alias)
        return {key_id: tuple(aliases) for key_id, aliases in named.items()}


@dataclass(frozen=True, slots=True)
class _Look:
    """One key of the picture."""

    picture: Picture
    ended: Ended
    aliases: tuple[str, ...]
    known: Known | None

    def at(self, arn: str) -> KeyFinding | Skipped:
        """How the key stands, or why it is left out."""
        if any(alias.startswith(AWS_MANAGED) for alias in self.aliases):
            return Skipped.AWS_MANAGED
        _, _, _, region, account, _ = arn.split(":", 5)
        blank = KeyFinding(account, region, arn, self.aliases)
        known = self.known
        if known is None or known.finding is None or known.seen_at is None or known.seen_at < self.ended.started_at:
            return self._not_looked_at(blank)
        finding, recorded = known.finding, self.picture.recorded
        return finding_of(blank, known, finding, lambda: recorded.past(arn, finding), self.picture.rules)

    def _not_looked_at(self, blank: KeyFinding) -> KeyFinding | Skipped:
        """A key that the sweep has left alone, and why: else it was given up, or made after the sweep had begun."""
        try:
            live = self.picture.keys.describe(blank.arn)
        except KeyIsGone:
            return Skipped.GONE
        except KmsRefusal as refusal:
            return replace(blank, unreadable=f"the sweep has not looked at it, and it cannot be described: {refusal}")
        if live.manager == "AWS":
            return Skipped.AWS_MANAGED
        if live.state in DYING:
            return Skipped.PENDING_DELETION
        described = replace(blank, key_usage=live.key.usage, key_spec=live.key.spec, state=live.state)
        if self._may_be_unwatched():
            return described
        return replace(described, unreadable="the sweep has not looked at it: it was given up, or is newer")

    def _may_be_unwatched(self) -> bool:
        """Whether no perimeter may be for the key: it has left its own, or was never under one."""
        if all(perimeter.applies_to for perimeter in self.picture.rules.perimeters.perimeters):
            last = self.known.finding if self.known else None
            return last is None or last.outcome == UNWATCHED
        return False


def _id(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
