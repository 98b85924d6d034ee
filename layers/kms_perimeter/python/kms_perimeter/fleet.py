"""A fleet of keys as a scan or a sweep found it: what `scan` prints and what the report draws."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from kms_perimeter.perimeter import PolicyException
    from kms_perimeter.remedy import Plan
    from kms_perimeter.verdict import Verdict


HISTORY_DAYS = 180
"""So many earlier days with a sweep are told."""


class Standing(StrEnum):
    """How a key stands to the perimeter, in the order in which people want to see them."""

    OPEN = "open"
    MALFORMED = "malformed"
    UNDECIDED = "undecided"
    UNREADABLE = "unreadable"
    EXCEPTED = "excepted"
    UNWATCHED = "unwatched"
    ENCLOSED = "enclosed"


UNPROVED = (Standing.MALFORMED, Standing.UNDECIDED, Standing.UNREADABLE)
"""Of these keys nobody can say whether they are enclosed."""


class Skipped(StrEnum):
    """Why a key that is listed is not judged."""

    AWS_MANAGED = "aws-managed-key"
    PENDING_DELETION = "pending-deletion"
    GONE = "key-gone"


@dataclass(frozen=True, slots=True)
class Opened:
    """Since when a key is open, as the ledger knows it.

    Attributes:
        at: when the cause happened; for a sweep, when it found the key open.
        actor: who did it, or the sweep.
        event: the name of the call, such as ``PutKeyPolicy``; empty for a sweep.
        source_ip: from where it came, or None.
        vpc_endpoint_id: through which endpoint, or None.
    """

    at: datetime
    actor: str
    event: str = ""
    source_ip: str | None = None
    vpc_endpoint_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The opening for programs."""
        return {
            "at": self.at.isoformat(),
            "actor": self.actor,
            "event": self.event or None,
            "source_ip": self.source_ip,
            "vpc_endpoint_id": self.vpc_endpoint_id,
        }


@dataclass(frozen=True, slots=True)
class KeyFinding:
    """One key, and what was found.

    Attributes:
        account: the account that owns the key.
        region: the key's Region.
        arn: the key's ARN.
        aliases: alias names with the prefix ``alias/``.
        key_usage: `KeyUsage` of `DescribeKey`; empty where it could not be read.
        key_spec: `KeySpec` likewise.
        state: `KeyState` likewise.
        tags: the key's tags; None where they were not read.
        perimeter: name of the perimeter that the key is under; None where none applies or it could not be told.
        mode: what the perimeter would have done about an escape (`alert`, `approve`, `enforce`), or None.
        policy: the text of the key's policy; None where it could not be read.
        verdict: on that policy; None for a key that is unwatched or unreadable.
        unreadable: why the key could not be read, or None.
        exception: the exception that holds for the key today, or None.
        plan: what `enforce` would do; None where nobody asked or there is nothing to plan.
        opened: since when the key is open, where the ledger knows it.
    """

    account: str
    region: str
    arn: str
    aliases: tuple[str, ...] = ()
    key_usage: str = ""
    key_spec: str = ""
    state: str = ""
    tags: Mapping[str, str] | None = field(default=None, hash=False)
    perimeter: str | None = None
    mode: str | None = None
    policy: str | None = None
    verdict: Verdict | None = None
    unreadable: str | None = None
    exception: PolicyException | None = None
    plan: Plan | None = None
    opened: Opened | None = None

    @property
    def standing(self) -> Standing:
        """How the key stands; whatever an exception holds for counts as excepted, as the service sees it."""
        if self.unreadable is not None:
            return Standing.UNREADABLE
        if self.verdict is None:
            return Standing.UNWATCHED
        if self.verdict.outcome is Outcome.ENCLOSED:
            return Standing.ENCLOSED
        return Standing.EXCEPTED if self.exception else _STANDINGS[self.verdict.outcome]

    @property
    def name(self) -> str:
        """The key's name for people: its first alias, else its ID."""
        return self.aliases[0] if self.aliases else self.arn.rsplit("/", 1)[-1]

    def to_json(self) -> dict[str, Any]:
        """The finding for programs; `verdict` is what `check --format json` prints."""
        return {
            "account": self.account,
            "region": self.region,
            "arn": self.arn,
            "aliases": list(self.aliases),
            "key_usage": self.key_usage,
            "key_spec": self.key_spec,
            "state": self.state,
            "tags": None if self.tags is None else dict(self.tags),
            "perimeter": self.perimeter,
            "mode": self.mode,
            "standing": self.standing.value,
            "verdict": self.verdict.to_json() if self.verdict else None,
            "unreadable": self.unreadable,
            "exception": _exception_json(self.exception) if self.exception else None,
            "plan": plan_json(self.plan) if self.plan else None,
            "opened": self.opened.to_json() if self.opened else None,
        }


@dataclass(frozen=True, slots=True)
class Unscanned:
    """An account and Region whose keys could not all be listed, and why: nothing is said of the keys not listed."""

    account: str
    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class Day:
    """How the fleet stood at the end of the last sweep of a day of UTC, from the ledger.

    Attributes:
        day: the day.
        counts: how many keys stood how.
        perimeters: the same by perimeter; empty where that is not known.
    """

    day: date
    counts: Mapping[Standing, int] = field(hash=False)
    perimeters: Mapping[str, Mapping[Standing, int]] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """The day for programs."""
        perimeters = {name: _whole(counts) for name, counts in self.perimeters.items()}
        return {"day": self.day.isoformat(), "counts": _whole(self.counts), "perimeters": perimeters}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every key that was found.

    Attributes:
        findings: one for each key that was judged, or should have been.
        started: when the scan began, in UTC.
        ended: when it ended.
        skipped: how many keys were left out, by reason.
        unscanned: accounts and Regions that could not be looked at.
        history: how the fleet stood on earlier days, oldest first; empty where no ledger was asked.
    """

    findings: tuple[KeyFinding, ...]
    started: datetime
    ended: datetime
    skipped: Mapping[Skipped, int] = field(default_factory=dict, hash=False)
    unscanned: tuple[Unscanned, ...] = ()
    history: tuple[Day, ...] = ()

    def counts(self) -> dict[Standing, int]:
        """How many keys stand how; every standing is there."""
        counted = Counter(finding.standing for finding in self.findings)
        return {standing: counted[standing] for standing in Standing}

    def by_perimeter(self) -> dict[str, Counter[Standing]]:
        """The same by perimeter; the keys under none are left out."""
        counted: dict[str, Counter[Standing]] = {}
        for finding in self.findings:
            if finding.perimeter:
                counted.setdefault(finding.perimeter, Counter())[finding.standing] += 1
        return counted

    def of(self, standing: Standing) -> tuple[KeyFinding, ...]:
        """The keys that stand so."""
        return tuple(finding for finding in self.findings if finding.standing is standing)

    def to_json(self) -> dict[str, Any]:
        """The fleet for programs."""
        return {
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat(),
            "counts": _whole(self.counts()),
            "skipped": {reason.value: self.skipped.get(reason, 0) for reason in Skipped},
            "unscanned": [
                {"account": one.account, "region": one.region, "reason": one.reason} for one in self.unscanned
            ],
            "keys": [finding.to_json() for finding in self.findings],
            "history": [day.to_json() for day in self.history],
        }


def together(histories: Sequence[Sequence[Day]]) -> tuple[Day, ...]:
    """The days of several Regions as those of one fleet, oldest first.

    A Region counts on each day as its last sweep until then found it. The days before every Region has been swept are
    left out: a Region that comes in later is no keys that came in.
    """
    known = [days for days in histories if days]
    first = max((days[0].day for days in known), default=None)
    days = sorted({day.day for days in known for day in days if first and day.day >= first})
    return tuple(_together(day, [_until(day, days) for days in known]) for day in days)


def _until(day: date, days: Sequence[Day]) -> Day:
    return max((one for one in days if one.day <= day), key=lambda one: one.day)


def _together(day: date, several: Iterable[Day]) -> Day:
    counts: Counter[Standing] = Counter()
    perimeters: dict[str, Counter[Standing]] = {}
    for one in several:
        counts.update(one.counts)
        for name, of_perimeter in one.perimeters.items():
            perimeters.setdefault(name, Counter()).update(of_perimeter)
    return Day(day, counts, perimeters)


_STANDINGS = {
    Outcome.ESCAPES: Standing.OPEN,
    Outcome.UNDECIDED: Standing.UNDECIDED,
    Outcome.MALFORMED: Standing.MALFORMED,
}


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "strategy": plan.strategy.value,
        "changed": plan.changed,
        "refused": plan.refused,
        "diff": plan.diff,
        "policy": plan.policy,
        "verdict": plan.verdict.to_json(),
    }


def _whole(counts: Mapping[Standing, int]) -> dict[str, int]:
    return {standing.value: counts.get(standing, 0) for standing in Standing}


def _exception_json(exception: PolicyException) -> dict[str, str]:
    return {
        "reason": exception.reason,
        "owner": exception.owner,
        "expires": exception.expires.isoformat(),
    }
