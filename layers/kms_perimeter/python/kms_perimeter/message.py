"""What the guard says: pure wording, from what was found, decided and done.

Every message answers, in this order: what is open and to whom, by which statement, who did it from where and when, what
the guard does about it, what to do now.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kms_perimeter import wording
from kms_perimeter.decision import Decision, DecisionKind, Severity, severity_of
from kms_perimeter.letter import Letter, Part
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kms_perimeter.cloudtrail import KeyChange

MOST_KEYS = 40  # named in a sweep's digest
SUBJECT_CHARACTERS = 99  # SNS: "must be less than 100 characters long"


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
    headline = f"{wording.key_id(matter.key_arn)} {_HEADLINES[outcome]}"
    parts = (
        Part("What is open" if outcome is Outcome.ESCAPES else "What is wrong", wording.findings(matter.verdict)),
        wording.cause(matter.change, outside=matter.outside),
        Part("What the guard does", (_INTENTIONS[decision.kind].format(reason=decision.reason),)),
        Part("What to do now", _ADVICE[decision.kind if outcome is Outcome.ESCAPES else None]),
        wording.notes(matter.verdict.advisories),
    )
    return _message(decision.kind.value, decision.severity, headline, matter, parts, {"decision": decision.to_json()})


def contested(matter: Matter, times: int) -> Message:
    """The guard gives up on a key that somebody opens again each time."""
    reason = f"the guard has closed the key {wording.times(times)} and somebody opens it again each time"
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
    headline = f"{wording.key_id(matter.key_arn)} was open and is enclosed again"
    window = f"From {wording.at(opened)} to {wording.at(closed)}{wording.duration(opened, closed)}."
    parts = (
        Part("When it was open", (window,)),
        Part("What was open", wording.findings(carried) if carried else ()),
        wording.cause(matter.change, outside=matter.outside),
        Part("What to do now", ("Look in CloudTrail for uses of the key in that time.",)),
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
    headline = f"{wording.key_id(matter.key_arn)} was open and the guard has enclosed it"
    done = (
        f"It has put a new policy by the strategy `{strategy}`, read it back and proved it: {matter.verdict.outcome}."
    )
    parts = (
        Part("What was open", wording.findings(before)),
        wording.cause(matter.change, outside=matter.outside),
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
    headline = f"{wording.key_id(matter.key_arn)} stays open: the guard cannot fix it"
    parts = (
        Part("What is open", wording.findings(matter.verdict)),
        wording.cause(matter.change, outside=matter.outside),
        Part("Why the guard does not fix it", (wording.sentence(reason), "The key is as it was.")),
        Part("The change that it did not make", tuple(diff.splitlines()), code=True),
        Part("What to do now", _ADVICE[DecisionKind.ALERT]),
    )
    severity = severity_of(matter.verdict)
    return _message("refused", severity, headline, matter, parts, {"refused": reason, "diff": diff})


def unreadable(key_arn: str, *, reason: str, change: KeyChange | None = None) -> Message:
    """The key's policy cannot be read, so nobody knows whether the key is enclosed."""
    matter = Matter(key_arn, Verdict(Outcome.UNDECIDED, None, "", reason=reason), change)
    headline = f"{wording.key_id(key_arn)} has a policy that cannot be read"
    advice = "Let the guard's role read the key: kms:DescribeKey, kms:GetKeyPolicy, and what its perimeter asks for."
    parts = (
        Part("What is wrong", (wording.sentence(reason),)),
        wording.cause(matter.change, outside=matter.outside),
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
    title = f"{worst.upper()}: {len(drifted)} of {len(verdicts)} keys are not enclosed"
    letter = Letter(
        title,
        (
            Part(f"Sweep of {wording.at(started)}", (", ".join(counts),)),
            Part("Not enclosed", wording.first(named, MOST_KEYS)),
        ),
    )
    facts = {"kind": "sweep", "severity": worst.value, "keys": {arn: v.outcome.value for arn, v in verdicts.items()}}
    return Message(_subject(title), letter.text, letter.blocks, facts, f"sweep/{started.isoformat()}")


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


def _message(
    kind: str,
    severity: Severity,
    headline: str,
    matter: Matter,
    parts: Iterable[Part],
    facts: Mapping[str, Any],
) -> Message:
    title = f"{severity.upper()}: {headline}"
    letter = Letter(title, (*parts, _about(matter)))
    change = matter.change.to_json() if matter.change else None
    data = {
        "kind": kind,
        "severity": severity.value,
        "key": matter.key_arn,
        **matter.verdict.to_json(),
        "change": change and {name: value for name, value in change.items() if name != "policy"},
        "created_from_outside": matter.outside,
        "console": wording.console(matter.key_arn),
        **facts,
    }
    return Message(_subject(title), letter.text, letter.blocks, data, _dedup_key(kind, matter))


def _about(matter: Matter) -> Part:
    _, _, _, region, account, _ = matter.key_arn.split(":", 5)
    perimeter = (f"Perimeter: {matter.verdict.perimeter}",) if matter.verdict.perimeter else ()
    place = f"Account {account}, Region {region}"
    return Part("Key", (matter.key_arn, place, *perimeter, wording.console(matter.key_arn)))


def _dedup_key(kind: str, matter: Matter) -> str:
    cause = matter.change.event_id if matter.change else ""
    found = [(e.operation, e.rule, e.route.value, e.statement.index) for e in matter.verdict.escapes]
    digest = hashlib.sha256(repr((cause, matter.verdict.outcome.value, found)).encode()).hexdigest()
    return f"{kind}/{matter.key_arn}/{digest[:16]}"


def _subject(title: str) -> str:
    line = " ".join(f"KMS Perimeter: {title}".split()).encode("ascii", "replace").decode()
    return line if len(line) <= SUBJECT_CHARACTERS else line[: SUBJECT_CHARACTERS - 3] + "..."
