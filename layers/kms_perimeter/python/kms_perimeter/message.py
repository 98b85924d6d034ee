"""What the guard says: pure wording, from what was found, decided and done.

Every message answers, in this order: what is open and to whom, by which statement, who did it from where and when, what
the guard does about it, what to do now.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kms_perimeter.cloudtrail import WATCHED
from kms_perimeter.decision import Decision, DecisionKind, Severity, severity_of
from kms_perimeter.letter import Letter, Part
from kms_perimeter.verdict import Outcome, Route, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.verdict import Advisory, Escape, StatementRef

SUBJECT_CHARACTERS = 99  # SNS: "must be less than 100 characters long"
NAMED = 4  # operations, advisories, keys that are named before "and … more"

_CONSOLES = {
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message, for every way it may travel.

    Attributes:
        subject: one line of ASCII, under 100 characters, as SNS wants it.
        text: the whole message as plain text.
        blocks: the same for Slack.
        data: the same for programs: ``kind``, ``severity``, ``key`` and the members of the verdict's JSON.
        dedup_key: the same for two messages about the same thing.
    """

    subject: str
    text: str
    blocks: list[dict[str, Any]] = field(hash=False)
    data: dict[str, Any] = field(hash=False)
    dedup_key: str


@dataclass(frozen=True, slots=True)
class Matter:
    """What a message is about.

    Attributes:
        key_arn: the key.
        verdict: on its live policy.
        change: the call that led here; None, or one that is no KMS operation, where a sweep found it.
        outside: whether that call itself came from outside the perimeter, or None where that cannot be told.
    """

    key_arn: str
    verdict: Verdict
    change: KeyChange | None = None
    outside: bool | None = None


def alert(matter: Matter, decision: Decision) -> Message:
    """A key that is not enclosed, and what the guard does about it: nothing, ask, fix it, or give up."""
    outcome = matter.verdict.outcome
    headline = f"{_key_id(matter.key_arn)} {_HEADLINES[outcome]}"
    parts = (
        Part("What is open" if outcome is Outcome.ESCAPES else "What is wrong", _findings(matter.verdict)),
        _cause(matter),
        Part("What the guard does", (_INTENTIONS[decision.kind].format(reason=decision.reason),)),
        Part("What to do now", _ADVICE[decision.kind if outcome is Outcome.ESCAPES else None]),
        _notes(matter.verdict.advisories),
    )
    return _message(decision.kind.value, decision.severity, headline, matter, parts, {"decision": decision.to_json()})


def contested(matter: Matter, times: int) -> Message:
    """The guard gives up on a key that somebody opens again each time."""
    reason = f"the guard has closed the key {_times(times)} and somebody opens it again each time"
    severity = max(severity_of(matter.verdict), Severity.HIGH, key=lambda s: s.rank)
    return alert(matter, Decision(DecisionKind.CONTESTED, reason, severity))


def exposure_closed(
    matter: Matter,
    *,
    opened: datetime | None,
    closed: datetime | None,
    carried: Verdict | None = None,
) -> Message:
    """A key that was open for a while and is enclosed again.

    Args:
        matter: the key as it is now.
        opened: since when it was open, or None where that is not known.
        closed: when it was seen to be enclosed again, or None where that is not known.
        carried: the verdict on the policy that was in force meanwhile.
    """
    headline = f"{_key_id(matter.key_arn)} was open and is enclosed again"
    window = f"From {_at(opened)} to {_at(closed)}{_duration(opened, closed)}."
    parts = (
        Part("When it was open", (window,)),
        Part("What was open", _findings(carried) if carried else ()),
        _cause(matter),
        Part("What to do now", (f"Look in CloudTrail for uses of the key in that time: {_console(matter.key_arn)}",)),
    )
    facts = {"exposed": {"from": opened and opened.isoformat(), "to": closed and closed.isoformat()}}
    severity = Severity.LOW
    return _message("exposure-closed", severity, headline, matter, parts, facts)


def remediated(matter: Matter, *, before: Verdict, diff: str, strategy: str = "guard") -> Message:
    """The guard has changed the key's policy, read it back and judged what it read.

    Args:
        matter: the key with the verdict on the new policy.
        before: the verdict on the policy that was replaced.
        diff: from the old policy to the new one, as a unified diff.
        strategy: how the new policy was made.
    """
    headline = f"{_key_id(matter.key_arn)} was open and the guard has enclosed it"
    done = (
        f"It has put a new policy by the strategy `{strategy}`, read it back and proved it: {matter.verdict.outcome}."
    )
    parts = (
        Part("What was open", _findings(before)),
        _cause(matter),
        Part("What the guard has done", (done, "The policy that it replaced is in the ledger.")),
        Part("The change", tuple(diff.splitlines()), code=True),
        Part("What to do now", ("Make the same change where the policy is kept, or it will be undone there.",)),
    )
    facts = {"before": before.to_json(), "diff": diff, "strategy": strategy}
    return _message("remediated", Severity.MEDIUM, headline, matter, parts, facts)


def refused(matter: Matter, *, reason: str, diff: str = "") -> Message:
    """The guard was to fix the key and does not, since the plan fails a check or KMS refuses it.

    Args:
        matter: the key, still as it was.
        reason: one clause.
        diff: what the plan would have changed, where there is a plan.
    """
    headline = f"{_key_id(matter.key_arn)} stays open: the guard cannot fix it"
    parts = (
        Part("What is open", _findings(matter.verdict)),
        _cause(matter),
        Part("Why the guard does not fix it", (_sentence(reason), "The key is as it was.")),
        Part("The change that it did not make", tuple(diff.splitlines()), code=True),
        Part("What to do now", _ADVICE[DecisionKind.ALERT]),
    )
    severity = severity_of(matter.verdict)
    return _message("refused", severity, headline, matter, parts, {"refused": reason, "diff": diff})


def unreadable(key_arn: str, *, reason: str, change: KeyChange | None = None) -> Message:
    """The key's policy cannot be read, so nobody knows whether the key is enclosed."""
    matter = Matter(key_arn, Verdict(Outcome.UNDECIDED, None, "", reason=reason), change)
    headline = f"{_key_id(key_arn)} has a policy that cannot be read"
    advice = "Let the guard's role read the key: kms:DescribeKey, kms:GetKeyPolicy, and what its perimeter asks for."
    parts = (
        Part("What is wrong", (_sentence(reason),)),
        _cause(matter),
        Part("What the guard does", ("Nothing: what it cannot read it does not touch.",)),
        Part("What to do now", (advice,)),
    )
    return _message("unreadable", Severity.HIGH, headline, matter, parts, {"verdict": "unreadable"})


def sweep_digest(verdicts: Mapping[str, Verdict], *, started: datetime) -> Message:
    """What a sweep found: how many keys of which verdict, and the keys that are not enclosed.

    Args:
        verdicts: the verdict of each key, by its ARN.
        started: when the sweep began.
    """
    drifted = {arn: v for arn, v in verdicts.items() if v.outcome is not Outcome.ENCLOSED}
    worst = max((severity_of(v) for v in drifted.values()), key=lambda s: s.rank, default=Severity.INFO)
    counts = [f"{sum(v.outcome is o for v in verdicts.values())} {o.value}" for o in Outcome]
    named = tuple(f"{v.outcome.value}: {arn}" for arn, v in sorted(drifted.items()))
    title = f"{_capital(worst)}: {len(drifted)} of {len(verdicts)} keys are not enclosed"
    letter = Letter(
        title,
        (Part(f"Sweep of {_at(started)}", (", ".join(counts),)), Part("Not enclosed", _first(named, NAMED * 10))),
    )
    facts = {"kind": "sweep", "severity": worst.value, "keys": {arn: v.outcome.value for arn, v in verdicts.items()}}
    return Message(_subject(title), letter.text, letter.blocks, facts, f"sweep/{started.isoformat()}")


# --- wording ---------------------------------------------------------------------------------------------------------

_HEADLINES = {
    Outcome.ENCLOSED: "is enclosed",
    Outcome.ESCAPES: "can be used from outside its perimeter",
    Outcome.UNDECIDED: "cannot be proved enclosed",
    Outcome.MALFORMED: "has a policy that cannot be understood",
}
_INTENTIONS = {
    DecisionKind.IGNORE: "Nothing: {reason}.",
    DecisionKind.ALERT: "It leaves the key as it is: {reason}.",
    DecisionKind.ASK: "It has a plan and waits for somebody to approve it: {reason}.",
    DecisionKind.REMEDIATE: "It closes the key now and will report when that is done: {reason}.",
    DecisionKind.CONTESTED: "It no longer changes this key: {reason}.",
}
_ADVICE: dict[DecisionKind | None, tuple[str, ...]] = {
    DecisionKind.ALERT: (
        "Restrict the statement to the approved networks, or add a Deny for all others: see `kms-perimeter fix`.",
        "If the key must stay open, name it and its owner under `exceptions` in the perimeter file.",
    ),
    DecisionKind.ASK: ("Look at the plan, then approve it or name the key under `exceptions` in the perimeter file.",),
    DecisionKind.REMEDIATE: ("Nothing yet. Find out why the key was opened.",),
    DecisionKind.CONTESTED: (
        "Find the pipeline or person that puts the old policy back, and change the policy there.",
        "Until then the key is open.",
    ),
    DecisionKind.IGNORE: (),
    None: ("A person must judge this policy. Until then treat the key as open.",),
}
_TO_WHOM = {
    Route.KEY_POLICY: "to the callers that it names",
    Route.IAM: "to whoever an IAM policy of the account allows it",
    Route.GRANT: "to whoever holds a grant for it",
}


def _message(
    kind: str,
    severity: Severity,
    headline: str,
    matter: Matter,
    parts: Iterable[Part],
    facts: Mapping[str, Any],
) -> Message:
    title = f"{_capital(severity)}: {headline}"
    letter = Letter(title, (*parts, _about(matter)))
    change = matter.change.to_json() if matter.change else None
    data = {
        "kind": kind,
        "severity": severity.value,
        "key": matter.key_arn,
        **matter.verdict.to_json(),
        "change": change and {name: value for name, value in change.items() if name != "policy"},
        "console": _console(matter.key_arn),
        **facts,
    }
    return Message(_subject(title), letter.text, letter.blocks, data, _dedup_key(kind, matter))


def _about(matter: Matter) -> Part:
    _, _, _, region, account, _ = matter.key_arn.split(":", 5)
    perimeter = (f"Perimeter: {matter.verdict.perimeter}",) if matter.verdict.perimeter else ()
    place = f"Account {account}, Region {region}"
    return Part("Key", (matter.key_arn, place, *perimeter, _console(matter.key_arn)))


def _findings(verdict: Verdict) -> tuple[str, ...]:
    if verdict.outcome is not Outcome.ESCAPES:
        return (_sentence(verdict.reason or verdict.outcome.value),)
    groups = grouped(verdict.escapes)
    return tuple(line for (statement, route), group in groups.items() for line in _opening(statement, route, group))


def grouped(escapes: Iterable[Escape]) -> dict[tuple[StatementRef, Route], list[Escape]]:
    """The escapes by what opens them, since one statement usually opens many operations in one way."""
    groups: dict[tuple[StatementRef, Route], list[Escape]] = {}
    for escape in escapes:
        groups.setdefault((escape.statement, escape.route), []).append(escape)
    return groups


def _opening(statement: StatementRef, route: Route, group: list[Escape]) -> tuple[str, str]:
    what = ", ".join(_first(tuple(dict.fromkeys(escape.operation for escape in group)), NAMED))
    return f"{named(statement)} opens {what} {_TO_WHOM[route]}.", f"  {_sentence(group[0].why)}"


def named(statement: StatementRef) -> str:
    """A statement as a person finds it in the policy: by its place, and its Sid where it has one."""
    return f'Statement[{statement.index}] "{statement.sid}"' if statement.sid else f"Statement[{statement.index}]"


def _cause(matter: Matter) -> Part:
    change = matter.change
    if change is None or change.event_name not in WATCHED:
        when = f" that began on {_at(change.time)}" if change else ""
        return Part("Who did it", (f"Not known: a sweep{when} found the key like this.",))
    origin = f"from {change.source_ip or 'an unknown address'}"
    if change.vpc_endpoint_id:
        origin += f" through {change.vpc_endpoint_id}"
    if matter.outside:
        origin += ", itself outside the perimeter"
    missing = ("CloudTrail left the parameters of the call out: they are over 100 KB.",) if change.truncated else ()
    return Part("Who did it", (change.actor, f"by {change.event_name} on {_at(change.time)}", origin, *missing))


def _notes(advisories: tuple[Advisory, ...]) -> Part:
    lines = (f"{named(a.statement) + ': ' if a.statement else ''}{_sentence(a.message)}" for a in advisories)
    return Part("Also worth knowing", _first(tuple(lines), NAMED))


def _dedup_key(kind: str, matter: Matter) -> str:
    cause = matter.change.event_id if matter.change else ""
    found = [(e.operation, e.rule, e.route.value, e.statement.index) for e in matter.verdict.escapes]
    digest = hashlib.sha256(repr((cause, matter.verdict.outcome.value, found)).encode()).hexdigest()
    return f"{kind}/{matter.key_arn}/{digest[:16]}"


def _subject(title: str) -> str:
    line = " ".join(f"KMS Perimeter: {title}".split()).encode("ascii", "replace").decode()
    return line if len(line) <= SUBJECT_CHARACTERS else line[: SUBJECT_CHARACTERS - 3] + "..."


def _console(key_arn: str) -> str:
    _, partition, _, region, _, _ = key_arn.split(":", 5)
    host = _CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{host}/kms/home?region={region}#/kms/keys/{_key_id(key_arn)}"


def _first(items: tuple[str, ...], most: int) -> tuple[str, ...]:
    return items if len(items) <= most else (*items[:most], f"and {len(items) - most} more")


def _key_id(key_arn: str) -> str:
    return key_arn.rsplit("/", 1)[-1]


def _capital(severity: Severity) -> str:
    return severity.value.upper()


def _sentence(clause: str) -> str:
    first = clause.split(" ", 1)[0]
    return (clause[:1].upper() + clause[1:] if first.isalpha() else clause).rstrip(".") + "."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _at(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "a time that is not known"


def _duration(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return ""
    minutes, seconds = divmod(int((end - start).total_seconds()), 60)
    return f", {minutes} min {seconds} s" if minutes else f", {seconds} s"
