"""Fixing a key: look again, plan, save the old policy, put the new one, read it back, judge what is read, tell.

The old policy is in the ledger before the new one is put. If a run dies after the put, the next one finds the key
enclosed and its own plan in the ledger, and completes the work.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kms_perimeter import message, verdict
from kms_perimeter.approved import ask_if_another, is_void
from kms_perimeter.aws.ledger import Entry, Kind, Settlement
from kms_perimeter.case import Case
from kms_perimeter.decision import Decision, DecisionKind, severity_of
from kms_perimeter.errors import AccessIsDenied, KeyIsGone, LedgerConflict, PolicyIsRefused, StalePlan
from kms_perimeter.evidence import Evidence, Guard, Report, gather, report_on
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.guard import apply, weigh
from kms_perimeter.message import Exposure
from kms_perimeter.overwriting import tell_if_seen_between
from kms_perimeter.perimeter import Mode
from kms_perimeter.planning import must_follow, plan_facts, plan_for, why_not
from kms_perimeter.recollection import place_of, recall
from kms_perimeter.reminding import exception_for
from kms_perimeter.telling import entry, matter, tell_unreadable
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.aws.kms import Keys
    from kms_perimeter.aws.ledger import State
    from kms_perimeter.order import Order
    from kms_perimeter.recollection import Recollection
    from kms_perimeter.remedy import Plan

# Seconds. KMS: a change "typically takes less than a few seconds" to be seen everywhere.
READ_BACK_AFTER = (0.0, 0.2, 0.5, 1.0, 2.0)
LOOKS = 3  # so often a key is looked at, and planned for, whose policy changes meanwhile
THE_GUARD = "the guard"


@dataclass(frozen=True, slots=True)
class Repair:
    """An order, and the key as it is when the order is worked on.

    Attributes:
        order: the order.
        case: the key.
        reserved: whether the message about what was done is counted already (`Outlet.publish`).
    """

    order: Order
    case: Case
    reserved: bool = False

    def report(self, done: str, reason: str, exposed: float | None = None) -> Report:
        """What was done about the order."""
        return report_on(self.order.change, done, reason, self.case.judged, exposed)

    def entry(self, kind: Kind, **facts: str) -> Entry:
        """An entry of the ledger about the order."""
        evidence = self.case.evidence
        approved_by = {"approved_by": self.order.approved_by} if self.order.approved_by else {}
        hashed = {"policy_hash": fingerprint(evidence.policy), "perimeter": evidence.perimeter.name}
        return entry(self.order.change, kind, {**hashed, **approved_by, **facts})


def remediate(guard: Guard, order: Order) -> Report:
    """Fixes one key, if it still needs it and everything about the plan holds.

    Raises:
        ClientError: AWS throttles or is unwell; the order must come again.
        StalePlan: somebody keeps changing the policy while the guard plans; the order must come again.
    """
    key_arn = order.change.key_arn
    state, looked = guard.ledger.state_and_entry(key_arn, place_of(order.change, order.policy_hash))
    recalled = recall(guard, order.change, looked, state)
    for _ in range(LOOKS - 1):
        with suppress(StalePlan):
            return _look_and_fix(guard, order, state, recalled)
        recalled, state = None, guard.ledger.state(key_arn)
    return _look_and_fix(guard, order, state, recalled)


def _look_and_fix(guard: Guard, order: Order, state: State, recalled: Recollection | None) -> Report:
    try:
        evidence = recalled.evidence if recalled else gather(guard, order.change)
    except AccessIsDenied as refusal:
        return tell_unreadable(guard, order.change, refusal)
    if isinstance(evidence, Report):
        return evidence
    reserved = recalled is not None and recalled.reserved
    return _fix(guard, Repair(order, Case(evidence, evidence.judge(), state), reserved))


def _fix(guard: Guard, repair: Repair) -> Report:
    evidence = repair.case.evidence
    if repair.case.judged.outcome is Outcome.ENCLOSED:
        return _follow(guard, repair) if must_follow(guard, evidence) else _finish(guard, repair)
    if reason := _hands_off(guard, repair):
        return repair.report("ignored", reason)
    plan = plan_for(guard, evidence)
    if reason := why_not(plan):
        return _refuse(guard, repair, reason, plan)
    if ask_if_another(guard, repair.order, repair.case, plan):
        return repair.report("ignored", "changed-since-approval")
    return _carry_out(guard, repair, plan)


def _follow(guard: Guard, repair: Repair) -> Report:
    """Brings the guard's own statement up to date with the perimeter, on a key that is enclosed before and after."""
    if repair.case.state.contested_since or exception_for(guard, repair.case):
        return repair.report("quiet", "the key is enclosed already")
    plan = plan_for(guard, repair.case.evidence)
    if reason := why_not(plan):
        return _refuse(guard, repair, reason, plan)
    return _carry_out(guard, repair, plan)


def _hands_off(guard: Guard, repair: Repair) -> str | None:
    """The fixed word for why the order is void, if it is: the key has changed, or is fought over, or is excepted."""
    if repair.order.approved_by and fingerprint(repair.case.evidence.policy) == repair.order.policy_hash:
        return "void" if is_void(guard, repair.order, repair.case) else None
    if exception_for(guard, repair.case):
        return "excepted"
    decision = weigh(guard, repair.case)
    if decision.kind in (DecisionKind.CONTESTED, DecisionKind.ASK):  # to ask: the approved plan is stale
        apply(guard, repair.case, decision)
    if decision.kind is DecisionKind.REMEDIATE:
        return None
    return "changed-since-approval" if repair.order.approved_by else f"decided-{decision.kind.value}"


def _carry_out(guard: Guard, repair: Repair, plan: Plan) -> Report:
    evidence, judged = repair.case.evidence, repair.case.judged
    planned = repair.entry(
        Kind.PLANNED,
        outcome=judged.outcome.value,
        before=evidence.policy,
        **plan_facts(plan),
    )
    guard.ledger.save(planned, fingerprint(plan.policy), guard.now())
    _check_again(guard, evidence)
    try:
        guard.keys.put_policy(evidence.live.arn, plan.policy)
    except (PolicyIsRefused, AccessIsDenied, KeyIsGone) as refusal:
        return _refuse(guard, repair, f"KMS refuses the new policy: {refusal}", plan)
    expected, replaced = fingerprint(plan.policy), fingerprint(evidence.policy)
    policy = read_back(guard.keys, guard.pause, evidence.live.arn, expected, replaced)
    after = replace(evidence, policy=policy, read_at=guard.now())
    return _complete(guard, repair, after, planned)


def _check_again(guard: Guard, evidence: Evidence) -> None:
    """Reads the policy once more, at the last moment before it is replaced.

    KMS replaces whatever is there, so this is as near as one can come to replacing only what was planned on. What
    somebody puts within the moment that is left, `overwriting` finds.

    Raises:
        StalePlan: the key has another policy by now, or cannot be read any more.
    """
    try:
        policy = guard.keys.policy(evidence.live.arn)
    except (AccessIsDenied, KeyIsGone) as refusal:
        raise StalePlan(f"the policy cannot be read any more: {refusal}") from refusal
    if fingerprint(policy) != fingerprint(evidence.policy):
        raise StalePlan("somebody has put another policy since the plan was made")


def read_back(
    keys: Keys, pause: Callable[[float], None], key_arn: str, expected: str, replaced: str | None = None
) -> str:
    """The policy that the key has now: as a rule the expected one, which may take KMS a moment to show.

    Args:
        keys: the keys of the account and Region.
        pause: waits for so many seconds.
        key_arn: the key.
        expected: the fingerprint of the policy that was put.
        replaced: the fingerprint of the one that it has replaced, if known: then any third one is somebody else's, and
            to wait would not change it.
    """
    policy = ""
    for wait in READ_BACK_AFTER:
        pause(wait)
        policy = keys.policy(key_arn)
        seen = fingerprint(policy)
        if seen == expected or (replaced and seen != replaced):
            break
    return policy


def _complete(guard: Guard, repair: Repair, after: Evidence, planned: Entry, *, counted: bool = False) -> Report:
    """Tells and records what was done, by what was read back; `counted`: an earlier run has counted it."""
    case = replace(repair.case, evidence=after, judged=after.judge())
    exposure = _exposure(repair.case, after)
    publish = guard.alerts.publish_counted if repair.reserved else guard.alerts.publish
    publish(_told(guard, case, repair.case.judged, planned, exposure))
    followed = repair.case.judged.outcome is Outcome.ENCLOSED  # nobody had opened the key
    times = () if counted or followed else (*case.state.remediated_at, guard.now())
    facts = {name: planned.facts[name] for name in ("strategy", "after")}  # what `restore` may go back to one day
    facts |= {"exposure": json.dumps(exposure.to_json()), "outcome": case.judged.outcome.value}
    asks = case.judged.outcome is Outcome.ESCAPES and after.perimeter.mode is Mode.APPROVE  # at the next look
    settlement = Settlement(case.finding, after.read_at, not asks, case.opening(), times)
    _conclude(guard, case, planned, repair.entry(Kind.REMEDIATED, **facts), settlement)
    if _is_ours(case, planned):
        if followed:
            return repair.report("followed", "the guard's own statement follows the perimeter")
        return repair.report("remediated", "the guard has enclosed the key", exposure.seconds)
    return repair.report("overtaken", "another policy than the guard has put is read back")


def _conclude(guard: Guard, case: Case, planned: Entry, done: Entry, settlement: Settlement) -> None:
    """Settles a remediation and writes that it is done, at once where nobody has interfered.

    Else it is settled first and written last, so that what was seen in between is told in any case.
    """
    ours = [fingerprint(planned.facts[name]) for name in ("before", "after")]
    try:
        guard.ledger.conclude(done, settlement, seen=ours)
    except LedgerConflict:
        known = guard.ledger.settle(case.key_arn, settlement)
        tell_if_seen_between(guard, case, planned, known)
        with suppress(LedgerConflict):  # an earlier run has got so far
            guard.ledger.write(done)


def _exposure(before: Case, after: Evidence) -> Exposure:
    opening = before.opening()
    opened, by = (opening.at, opening.by) if opening else (None, "")
    return Exposure(opened, by, after.read_at, THE_GUARD)


def _told(guard: Guard, case: Case, before: Verdict, planned: Entry, exposure: Exposure) -> message.Message:
    if _is_ours(case, planned):
        diff, strategy = planned.facts["diff"], planned.facts["strategy"]
        if before.outcome is Outcome.ENCLOSED:
            return message.followed(matter(guard, case), diff=diff)
        return message.remediated(matter(guard, case), before=before, diff=diff, strategy=strategy, exposure=exposure)
    if case.judged.outcome is Outcome.ENCLOSED:  # by somebody else, in the same moment
        return message.exposure_closed(matter(guard, case), replace(exposure, closed_by=""), before)
    reason = "it has put a policy that encloses the key, and reads back another one"
    return message.alert(matter(guard, case), Decision(DecisionKind.ALERT, reason, severity_of(case.judged)))


def _is_ours(case: Case, planned: Entry) -> bool:
    """Whether what was read back is what the guard has put, and encloses the key."""
    put = fingerprint(case.evidence.policy) == fingerprint(planned.facts["after"])
    return put and case.judged.outcome is Outcome.ENCLOSED


def _finish(guard: Guard, repair: Repair) -> Report:
    """The key is enclosed already; if an earlier run of this order did it and died before it told, completes that."""
    change, evidence = repair.order.change, repair.case.evidence
    written = guard.ledger.of_cause(change.key_arn, change.time, change.event_id)
    plans = (past for past in written if past.kind is Kind.PLANNED)
    live = fingerprint(evidence.policy)
    planned = next((past for past in plans if fingerprint(past.facts["after"]) == live), None)
    done = any(past.kind is Kind.REMEDIATED for past in written)
    if planned is None or done:
        return repair.report("quiet", "the key is enclosed already")
    before = verdict.judge(planned.facts["before"], evidence.key, evidence.perimeter)
    counted = repair.case.state.settled == repair.case.finding  # it came as far as to settle
    return _complete(
        guard, replace(repair, case=replace(repair.case, judged=before)), evidence, planned, counted=counted
    )


def _refuse(guard: Guard, repair: Repair, reason: str, plan: Plan) -> Report:
    """Hands off, and says why; once for each policy."""
    hashed = fingerprint(repair.case.evidence.policy)
    if repair.case.state.refused != hashed:
        guard.alerts.publish(message.refused(matter(guard, repair.case), reason=reason, diff=plan.diff))
        with suppress(LedgerConflict):
            guard.ledger.write(repair.entry(Kind.REFUSED, reason=reason, **plan_facts(plan)))
        guard.ledger.refuse(repair.case.key_arn, hashed)
    return repair.report("refused", reason)
