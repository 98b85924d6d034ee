"""One key: read, judged and, where that is asked, planned for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from kms_perimeter import remedy, verdict
from kms_perimeter.cli import aws_errors
from kms_perimeter.errors import AccessIsDenied, KeyIsGone, KmsRefusal
from kms_perimeter.evidence import DYING, restrained
from kms_perimeter.fleet import KeyFinding, Opened, Skipped
from kms_perimeter.perimeter import Strategy
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from datetime import date

    from kms_perimeter.aws.kms import Keys, LiveKey
    from kms_perimeter.cli.measure import Measure
    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.remedy import Plan
    from kms_perimeter.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """How the keys of one Region are looked at.

    Attributes:
        keys: the keys.
        measure: what they are judged by.
        today: the day by which exceptions expire.
        planning: whether to plan what `enforce` would do.
    """

    keys: Keys
    measure: Measure
    today: date
    planning: bool

    def at(self, arn: str, aliases: tuple[str, ...] | None) -> KeyFinding | Skipped:
        """What is found about one key; that it cannot be read is a finding too.

        Args:
            arn: the key.
            aliases: its aliases, or None where they are not known.

        Raises:
            ClientError: the caller's credentials are no good any more.
        """
        _, _, _, region, account, _ = arn.split(":", 5)
        blank = KeyFinding(account, region, arn, aliases or ())
        try:
            return self._at(arn, aliases, blank)
        except KeyIsGone:
            return Skipped.GONE
        except KmsRefusal as refusal:
            return replace(blank, unreadable=str(refusal))
        except (ClientError, BotoCoreError) as error:
            if aws_errors.is_fatal(error):
                raise
            return replace(blank, unreadable=aws_errors.told(error))

    def _at(self, arn: str, aliases: tuple[str, ...] | None, blank: KeyFinding) -> KeyFinding | Skipped:
        live = self.keys.describe(arn)
        if live.manager == "AWS":
            return Skipped.AWS_MANAGED
        if live.state in DYING:
            return Skipped.PENDING_DELETION
        live = replace(live, key=replace(live.key, aliases=aliases))
        if self.measure.perimeters.needs_tags:
            live = replace(live, key=self.keys.with_tags(live.key))
        key = live.key
        known = replace(blank, key_usage=key.usage, key_spec=key.spec, state=live.state, tags=key.tags)
        applies = self.measure.perimeters.perimeter_for(key)
        return known if applies is None else self._judged(live, applies, known)

    def _judged(self, live: LiveKey, applies: Perimeter, known: KeyFinding) -> KeyFinding:
        policy = self.keys.policy(live.arn)
        judged = verdict.judge(policy, live.key, applies)
        mode = restrained(applies, self.measure.most).mode.value
        found = replace(known, perimeter=applies.name, mode=mode, verdict=judged)
        if judged.outcome is Outcome.ENCLOSED:  # of most keys, so their policies are not kept
            return found
        found = self._with_what_is_known(replace(found, policy=policy), live.arn)
        wanted = self.planning and judged.outcome is Outcome.ESCAPES and found.exception is None
        return replace(found, plan=self._plan(live, applies, policy, judged)) if wanted else found

    def _with_what_is_known(self, found: KeyFinding, arn: str) -> KeyFinding:
        """With the exception that holds for the key and, from the ledger, since when it is open."""
        exception_for = self.measure.perimeters.exception_for
        if self.measure.ledger is None:
            return replace(found, exception=exception_for(arn, self.today))
        state = self.measure.ledger.state(arn)
        exception = exception_for(arn, self.today, state.exception)
        opened = Opened(state.opening.at, state.opening.by or "the sweep") if state.opening else None
        return replace(found, exception=exception, opened=opened)

    def _plan(self, live: LiveKey, applies: Perimeter, policy: str, judged: Verdict) -> Plan:
        """The plan; or, where reading what it takes is denied, a plan that is refused for that reason."""
        ledger = self.measure.ledger
        restores = applies.strategy is Strategy.RESTORE and ledger is not None
        try:
            return remedy.plan(
                policy,
                live.key,
                applies,
                standpoint=self.measure.standpoint,
                last_enclosed=ledger.last_enclosed(live.arn) if ledger and restores else None,
                service_grants=self.keys.service_grantees(live.arn),
            )
        except AccessIsDenied as refusal:
            reason = f"the key's grants cannot be listed: {refusal}"
            return remedy.Plan(policy, judged, False, "", reason, applies.strategy)  # noqa: FBT003
