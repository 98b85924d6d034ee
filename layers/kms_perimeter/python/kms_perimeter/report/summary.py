"""The fleet in ten seconds: one sentence, the counts, and the same by account, Region and perimeter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kms_perimeter.fleet import UNPROVED, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from kms_perimeter.fleet import Fleet, KeyFinding

MEANINGS = {
    Standing.OPEN: "a request from outside the perimeter gets through; the counterexample is shown",
    Standing.MALFORMED: "the policy cannot be read as AWS reads it",
    Standing.UNDECIDED: "neither enclosed nor open could be proved; the reason is shown",
    Standing.UNREADABLE: "AWS did not let the key be read",
    Standing.EXCEPTED: "open or unproved, and somebody answers for it until a day",
    Standing.UNWATCHED: "no perimeter is for this key, so nothing was asked",
    Standing.ENCLOSED: "proved: no request from outside the perimeter gets through",
}
NO_PERIMETER = "none"


@dataclass(frozen=True, slots=True)
class Part:
    """The keys that have something in common.

    Attributes:
        name: what it is.
        counts: how many stand how.
    """

    name: str
    counts: Mapping[Standing, int]

    @property
    def total(self) -> int:
        """All the keys."""
        return sum(self.counts.values())

    @property
    def unproved(self) -> int:
        """Those that are neither proved enclosed nor shown to be open."""
        return sum(self.counts.get(standing, 0) for standing in UNPROVED)

    def shares(self) -> list[tuple[Standing, float, float]]:
        """The bar that shows them: each standing with where it begins and how wide it is, in percent."""
        drawn, begin = [], 0.0
        for standing in Standing:
            width = 100 * self.counts.get(standing, 0) / self.total if self.total else 0.0
            if width:
                drawn.append((standing, round(begin, 3), round(width, 3)))
            begin += width
        return drawn


def whole(fleet: Fleet) -> Part:
    """All keys of the fleet."""
    return Part("all", fleet.counts())


def by(fleet: Fleet, what: Callable[[KeyFinding], str]) -> list[Part]:
    """The keys by what they have in common; the most open keys first."""
    counted: dict[str, Counter[Standing]] = {}
    for finding in fleet.findings:
        counted.setdefault(what(finding), Counter())[finding.standing] += 1
    parts = [Part(name, counts) for name, counts in counted.items()]
    return sorted(parts, key=lambda part: (-part.counts[Standing.OPEN], -part.unproved, part.name))


def headline(fleet: Fleet) -> tuple[str, str]:
    """How bad it is (``open``, ``undecided`` or ``enclosed``), and the sentence that says so."""
    part = whole(fleet)
    opened, total = part.counts[Standing.OPEN], part.total
    if not total:
        found = "No key could be looked at" if fleet.unscanned else "There is no key to be judged"
        return "undecided", f"{found}, so nothing was proved."
    if opened:
        return "open", f"{opened:,} of {_keys(total)} can be used from outside the approved networks."
    if part.unproved or fleet.unscanned:
        return "undecided", f"No key of {total:,} is known to be open, but not everything could be proved."
    if not part.counts[Standing.ENCLOSED]:
        return "undecided", f"Nothing was proved: of {_keys(total)}, none is under a perimeter without exception."
    return "enclosed", f"No key of {total:,} that a perimeter is for can be used from outside, but for exceptions."


def caveats(fleet: Fleet) -> list[str]:
    """What else has to be known at the first look."""
    part = whole(fleet)
    told = []
    if part.unproved:
        told.append(f"{_keys(part.unproved)} could not be proved either way.")
    if fleet.unscanned:
        told.append(f"{_counted(len(fleet.unscanned), 'Region')} could not be looked at in full.")
    if unwatched := part.counts[Standing.UNWATCHED]:
        told.append(f"Under no perimeter: {_keys(unwatched)}.")
    if longest := _longest(fleet):
        told.append(f"The longest known exposure is {longest.name}, open for {span(longest.opened.at, fleet.ended)}.")  # type: ignore[union-attr]
    return told


def _longest(fleet: Fleet) -> KeyFinding | None:
    dated = [finding for finding in fleet.of(Standing.OPEN) if finding.opened]
    return min(dated, key=lambda finding: finding.opened.at, default=None)  # type: ignore[union-attr]


def span(start: datetime, end: datetime) -> str:
    """How long, in the largest unit that says it."""
    minutes = max(0, int((end - start).total_seconds()) // 60)
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes >= size:
            return _counted(minutes // size, unit)
    return _counted(minutes, "minute")


def days(fleet: Fleet) -> list[dict[str, Any]]:
    """How the fleet stood on each day that the ledger knows, and how it stands now; empty without a ledger."""
    if not fleet.history:
        return []
    today = fleet.ended.date()
    known = [(day.day, day.counts) for day in fleet.history if day.day < today]
    return [
        {"day": day.isoformat(), "counts": [counts.get(standing, 0) for standing in Standing]}
        for day, counts in [*known, (today, fleet.counts())]
    ]


def _keys(count: int) -> str:
    return _counted(count, "key")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
