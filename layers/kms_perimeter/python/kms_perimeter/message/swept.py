"""One message for a whole sweep: how keys stand, what has changed since the last one, what waits for somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kms_perimeter import wording
from kms_perimeter.decision import Severity, severity_of
from kms_perimeter.fleet import UNPROVED, Standing
from kms_perimeter.letter import Letter, Part
from kms_perimeter.message.model import Message, subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kms_perimeter.fleet import Fleet, KeyFinding

NAMED = 10  # keys that are named in each part
FOR_PROGRAMS = 200  # keys that are named to programs; the report has all of them
_WORDS = {Standing.UNWATCHED: "under no perimeter"}
_SKIPPED = {"aws-managed-key": "managed by AWS", "pending-deletion": "pending deletion", "key-gone": "gone meanwhile"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has changed since the sweep before.

    Attributes:
        since: when that one ended, or None for the first sweep that was counted.
        opened: the keys that are open now and were not then.
        closed: the keys that were open then and are not now, by ARN, each with how it stands now.
    """

    since: datetime | None
    opened: tuple[KeyFinding, ...] = ()
    closed: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ReportPlace:
    """Where the report is.

    Attributes:
        bucket: the bucket of S3.
        name: the object's key.
        console: the object in AWS's console.
    """

    bucket: str
    name: str
    console: str


def swept(sweep: str, fleet: Fleet, compared: Comparison, place: ReportPlace) -> Message:
    """A sweep has ended.

    Args:
        sweep: its ID.
        fleet: all keys, as they stand after it.
        compared: what has changed since the one before.
        place: where the report is.
    """
    severity = _severity(fleet)
    title = f"{severity.upper()}: {_headline(fleet, compared)}"
    refused = [f for f in fleet.of(Standing.OPEN) if f.plan and f.plan.refused]
    parts = (
        Part(_since("Newly open", compared), _named(map(_open, compared.opened))),
        Part(_since("No longer open", compared), _named(_closed(compared, fleet))),
        Part("Open for longest", _named(map(_open, _longest(fleet, compared)))),
        Part("Not closed by the guard, and why", _named(map(_refusal, refused))),
        Part("Could not be proved", _named(map(_unproved, _of(fleet, UNPROVED)))),
        Part("What to do now", tuple(_advice(fleet, compared, refused))),
        Part("All keys", tuple(_counts(fleet, compared))),
        Part("Report", (place.console, f"s3://{place.bucket}/{place.name}")),
    )
    letter = Letter(title, parts)
    data = _data(sweep, severity, fleet, compared, place)
    return Message(subject_of(title), letter.text, letter.blocks, data, f"sweep/{sweep}")


def _severity(fleet: Fleet) -> Severity:
    """As bad as the worst key; one that cannot be read may be as open as any."""
    judged = [severity_of(f.verdict) for f in _of(fleet, (Standing.OPEN, *UNPROVED)) if f.verdict]
    unread = [Severity.HIGH] if fleet.of(Standing.UNREADABLE) else []
    return max((*judged, *unread), key=lambda severity: severity.rank, default=Severity.INFO)


def _headline(fleet: Fleet, compared: Comparison) -> str:
    counts, total = fleet.counts(), len(fleet.findings)
    unproved = sum(counts[standing] for standing in UNPROVED)
    new = f" ({len(compared.opened)} newly)" if compared.since and compared.opened else ""
    told = [f"{counts[Standing.OPEN]} of {_keys(total)} open{new}"]
    told += [f"{unproved} not proved"] if unproved else []
    told += [f"{len(compared.closed)} no longer open"] if compared.closed else []
    return f"a sweep has found {', '.join(told)}"


def _since(what: str, compared: Comparison) -> str:
    return f"{what} since the sweep of {wording.at(compared.since)}" if compared.since else what


def _longest(fleet: Fleet, compared: Comparison) -> list[KeyFinding]:
    """The open keys that are not named as newly open, the longest open first."""
    named = {finding.arn for finding in compared.opened}
    dated = [(f.opened.at, f.arn, f) for f in fleet.of(Standing.OPEN) if f.opened and f.arn not in named]
    return [finding for *_, finding in sorted(dated, key=lambda one: one[:2])]


def _of(fleet: Fleet, standings: Iterable[Standing]) -> list[KeyFinding]:
    return [finding for standing in standings for finding in fleet.of(standing)]


def _open(finding: KeyFinding) -> tuple[str, ...]:
    since = f"open since {wording.at(finding.opened.at)}, by {finding.opened.actor}" if finding.opened else ""
    what = wording.findings(finding.verdict)[0] if finding.verdict else ""
    return _told_of(finding, since, what)


def _closed(compared: Comparison, fleet: Fleet) -> Iterable[tuple[str, ...]]:
    names = {finding.arn: _name(finding) for finding in fleet.findings}
    return ((f"{names.get(arn, arn)}: {how}",) for arn, how in (compared.closed or {}).items())


def _refusal(finding: KeyFinding) -> tuple[str, ...]:
    return _told_of(finding, wording.sentence(finding.plan.refused or "") if finding.plan else "")


def _unproved(finding: KeyFinding) -> tuple[str, ...]:
    reason = finding.unreadable or (finding.verdict.reason if finding.verdict else None) or "no reason is known"
    return _told_of(finding, f"{finding.standing.value}: {reason.rstrip('.')}.")


def _told_of(finding: KeyFinding, *said: str) -> tuple[str, ...]:
    """The key on a line, and what there is to say below it: a phone's lines are short."""
    return (_name(finding), *(f"  {line}" for line in said if line))


def _name(finding: KeyFinding) -> str:
    return f"{finding.aliases[0]} ({finding.arn})" if finding.aliases else finding.arn


def _named(items: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    items = tuple(items)
    more = (f"and {len(items) - NAMED} more",) if len(items) > NAMED else ()
    return (*(line for item in items[:NAMED] for line in item), *more)


def _advice(fleet: Fleet, compared: Comparison, refused: list[KeyFinding]) -> Iterable[str]:
    if compared.opened:
        yield "Begin with the newly open keys: `kms-perimeter history KEY` tells who opened each, and from where."
    elif fleet.of(Standing.OPEN):
        yield "Close the open keys, the longest open first: the report has the change that would close each."
    if refused:
        yield "What the guard does not close waits for a person: the reasons are above and in the report."
    if fleet.of(Standing.UNREADABLE):
        yield "Let the guard read what it could not read (docs/real-account.md): such a key may be open."
    if _of(fleet, (Standing.MALFORMED, Standing.UNDECIDED)):
        yield "Rewrite what could not be proved: nobody can say whether it is enclosed."
    if not _of(fleet, (Standing.OPEN, *UNPROVED)):
        yield "Nothing: every key under a perimeter is enclosed, or somebody answers for it."


def _counts(fleet: Fleet, compared: Comparison) -> Iterable[str]:
    took = wording.duration(fleet.started, fleet.ended).removeprefix(", ")
    yield f"{_keys(len(fleet.findings))} in {took}: {_told(fleet.counts())}."
    for name, counts in sorted(fleet.by_perimeter().items()):
        yield f"{name}: {_told(counts)}."
    skipped = [f"{count} {_SKIPPED[reason.value]}" for reason, count in fleet.skipped.items() if count]
    if skipped:
        yield f"Left out: {', '.join(skipped)}."
    if compared.since is None:
        yield "This is the first sweep that was counted: the next one is compared with it."


def _told(counts: Mapping[Standing, int]) -> str:
    told = (f"{counts[s]} {_WORDS.get(s, s.value)}" for s in Standing if counts.get(s))
    return ", ".join(told) or "none"


def _keys(count: int) -> str:
    return f"{count} key{'' if count == 1 else 's'}"


def _data(sweep: str, severity: Severity, fleet: Fleet, compared: Comparison, place: ReportPlace) -> dict[str, Any]:
    """For programs; that the keys are not under ``keys`` keeps them from being findings for a second time."""
    printed = {name: count for name, count in fleet.counts().items() if count}
    return {
        "kind": "sweep",
        "severity": severity.value,
        "sweep": sweep,
        "started": fleet.started.isoformat(),
        "ended": fleet.ended.isoformat(),
        "counts": {standing.value: count for standing, count in printed.items()},
        "perimeters": {
            name: {standing.value: count for standing, count in counts.items()}
            for name, counts in fleet.by_perimeter().items()
        },
        "since": compared.since and compared.since.isoformat(),
        "newly_open": [finding.arn for finding in compared.opened][:FOR_PROGRAMS],
        "no_longer_open": list(compared.closed or {})[:FOR_PROGRAMS],
        "report": {"bucket": place.bucket, "name": place.name, "console": place.console},
    }
