"""Messages about a key that is not enclosed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter import slack_actions, wording
from kms_perimeter.decision import Decision, DecisionKind, Severity, severity_of
from kms_perimeter.letter import Part
from kms_perimeter.message.model import Matter, Message, compose
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.remedy import Plan

MOST_ACTORS = 5


def alert(matter: Matter, decision: Decision, plan: Plan | None = None) -> Message:
    """A key that is not enclosed, and what the guard does about it: nothing, fix it, or give up.

    Args:
        matter: the key.
        decision: what the guard does.
        plan: what would enclose the key, where that was computed.
    """
    parts = (
        *_what_is_wrong(matter),
        Part("What the guard does", (_INTENTIONS[decision.kind].format(reason=decision.reason),)),
        *_what_would_close_it(plan),
        Part("What to do now", _advice(matter, decision, plan)),
        wording.notes(matter.advisories),
    )
    facts = {"decision": decision.to_json(), "plan": plan and _told(plan)}
    return compose(decision.kind.value, decision.severity, _headline(matter), matter, parts, facts)


def asked(matter: Matter, decision: Decision, plan: Plan, ask_id: str, *, buttons: bool = False) -> Message:
    """A key that can be used from outside, with a plan that waits for somebody's yes.

    Args:
        matter: the key.
        decision: to ask.
        plan: what would be done; its proofs hold.
        ask_id: what people approve.
        buttons: whether somebody listens to Slack's buttons; one that nobody listens to shows an error when pressed.
    """
    answer = (
        f"kms-perimeter approve {ask_id}",
        "The answer is for the policy as it is now; if it changes, a new plan is asked about.",
        wording.MAY_STAY_OPEN,
    )
    parts = (
        *_what_is_wrong(matter),
        Part("What the guard does", (_INTENTIONS[decision.kind].format(reason=decision.reason),)),
        Part("The plan", tuple(plan.diff.splitlines()), code=True),
        Part("What was shown of it", _proofs(plan)),
        Part("To answer", answer),
        wording.notes(matter.advisories),
    )
    facts = {"decision": decision.to_json(), "plan": _told(plan), "ask": ask_id}
    blocks = (slack_actions.actions(ask_id),) if buttons else ()
    return compose(decision.kind.value, decision.severity, _headline(matter), matter, parts, facts, blocks)


def contested(matter: Matter, times: int, plan: Plan | None = None, actors: Iterable[str] = ()) -> Message:
    """The guard gives up on a key that somebody opens again each time.

    Args:
        matter: the key.
        times: how often the guard has closed it within the window.
        plan: what would enclose the key: what must be changed where the policy is kept.
        actors: who has opened it, the last one first.
    """
    reason = f"the guard has closed the key {wording.times(times)} and somebody opens it again each time"
    severity = max(severity_of(matter.verdict), Severity.HIGH, key=lambda s: s.rank)
    decision = Decision(DecisionKind.CONTESTED, reason, severity)
    known = tuple(dict.fromkeys(actors))
    parts = (
        *_what_is_wrong(matter),
        Part("Who keeps opening it", wording.first(known, MOST_ACTORS)),
        Part("What the guard does", (_INTENTIONS[decision.kind].format(reason=reason),)),
        Part("What to change where the policy is kept", tuple(plan.diff.splitlines()) if plan else (), code=True),
        Part("What to do now", _advice(matter, decision, plan)),
        wording.notes(matter.advisories),
    )
    facts = {"decision": decision.to_json(), "plan": plan and _told(plan), "actors": list(known)}
    headline = f"{matter.name} stays open: the guard has given it up"
    return compose(decision.kind.value, severity, headline, matter, parts, facts)


def unreadable(key_arn: str, *, reason: str, change: KeyChange | None = None, docs: str = "") -> Message:
    """The key's policy cannot be read, so nobody knows whether the key is enclosed."""
    matter = Matter(key_arn, Verdict(Outcome.UNDECIDED, None, "", reason=reason), change, docs=docs)
    headline = f"{matter.name} has a policy that cannot be read"
    advice = "Let the guard's role read the key: kms:DescribeKey, kms:GetKeyPolicy, and what its perimeter asks for."
    parts = (
        Part("What is wrong", (wording.sentence(reason),)),
        wording.cause(matter.change, outside=matter.outside),
        Part("What the guard does", ("Nothing: what it cannot read it does not touch.",)),
        Part("What to do now", (advice,)),
    )
    return compose("unreadable", Severity.HIGH, headline, matter, parts, {"verdict": "unreadable"})


def _told(plan: Plan) -> dict[str, object]:
    """A plan for programs, without the new policy: the diff has it, and a message must not grow too long."""
    return {name: value for name, value in plan.to_json().items() if name not in ("policy", "verdict")}


def _proofs(plan: Plan) -> tuple[str, ...]:
    shown = (f"{'yes' if proof.holds else 'NO'}: {wording.sentence(proof.sentence)}" for proof in plan.proofs)
    return (*shown, *(f"lost: {wording.sentence(loss)}" for loss in plan.losses))


def _advice(matter: Matter, decision: Decision, plan: Plan | None) -> tuple[str, ...]:
    if matter.verdict.outcome is not Outcome.ESCAPES:
        return ("A person must judge this policy. Until then treat the key as open.",)
    if decision.kind is DecisionKind.ALERT:
        return wording.what_to_do(change_is_shown=_is_shown(plan))
    return tuple(line.format(key=matter.key_arn) for line in _ADVICE[decision.kind])


def _is_shown(plan: Plan | None) -> bool:
    return plan is not None and plan.changed and not plan.refused


def _headline(matter: Matter) -> str:
    return f"{matter.name} {_HEADLINES[matter.verdict.outcome]}"


def _what_is_wrong(matter: Matter) -> tuple[Part, ...]:
    is_open = matter.verdict.outcome is Outcome.ESCAPES
    since = (f"Since {wording.at(matter.since)}.",) if matter.since else ()
    return (
        Part("What is open" if is_open else "What is wrong", (*wording.findings(matter.verdict), *since)),
        wording.cause(matter.change, outside=matter.outside),
    )


def _what_would_close_it(plan: Plan | None) -> tuple[Part, ...]:
    if plan is None or not plan.changed:
        return ()
    if plan.refused:
        return (Part("Why the guard could not fix it", (wording.sentence(plan.refused),)),)
    return (Part("What would close it", tuple(plan.diff.splitlines()), code=True),)


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
_ADVICE: dict[DecisionKind, tuple[str, ...]] = {
    DecisionKind.IGNORE: (),
    DecisionKind.ASK: (),
    DecisionKind.REMEDIATE: ("Nothing yet. Find out why the key was opened.",),
    DecisionKind.CONTESTED: (
        "Find the pipeline or person that puts the old policy back, and make the change there. Until then it is open.",
        "Then let the guard watch over the key again: `kms-perimeter resume {key}`.",
    ),
}
