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
from kms_perimeter.aws.ledger import Entry, Kind
from kms_perimeter.case import Case
from kms_perimeter.decision import Decision, DecisionKind, severity_of
from kms_perimeter.errors import AccessIsDenied, KeyIsGone, LedgerConflict, PolicyIsRefused
from kms_perimeter.evidence import Evidence, Guard, Report, gather, report_on
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.guard import apply, weigh
from kms_perimeter.message import Exposure
from kms_perimeter.planning import plan_for, why_not
from kms_perimeter.reminding import exception_for
from kms_perimeter.telling import entry, matter, tell_unreadable
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.aws.kms import Keys
    from kms_perimeter.order import Order
    from kms_perimeter.remedy import Plan

# Seconds. KMS: a change "typically takes less than a few seconds" to be seen everywhere.
READ_BACK_AFTER = (0.0, 0.2, 0.5, 1.0, 2.0)
THE_GUARD = "the guard"


@dataclass(frozen=True, slots=True)
class Repair:
    """An order, and the key as it is when the order is worked on."""

    order: Order
    case: Case

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
    """
    try:
        evidence = gather(guard, order.change)
    except AccessIsDenied as refusal:
        return tell_unreadable(guard, order.change, refusal)
    if isinstance(evidence, Report):
        return evidence
    repair = Repair(order, Case(evidence, evidence.judge(), guard.ledger.state(order.change.key_arn)))
    if repair.case.judged.outcome is Outcome.ENCLOSED:
        return _finish(guard, repair)
    if reason := _hands_off(guard, repair):
        return repair.report("ignored", reason)
    plan = plan_for(guard, evidence)
    if reason := why_not(plan):
        return _refuse(guard, repair, reason, plan)
    return _carry_out(guard, repair, plan)


def _hands_off(guard: Guard, repair: Repair) -> str | None:
    """The fixed word for why the order is void, if it is: the key has changed, or is fought over, or is excepted."""
    if exception_for(guard, repair.case):
        return "excepted"
    decision = weigh(guard, repair.case)
    stale = fingerprint(repair.case.evidence.policy) != repair.order.policy_hash
    if repair.order.approved_by and not stale:
        return None
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
        after=plan.policy,
        diff=plan.diff,
        strategy=plan.strategy.value,
    )
    with suppress(LedgerConflict):  # an earlier run of this order has saved this very policy
        guard.ledger.write(planned)
    guard.ledger.plan(repair.case.key_arn, fingerprint(plan.policy))
    try:
        guard.keys.put_policy(evidence.live.arn, plan.policy)
    except (PolicyIsRefused, AccessIsDenied, KeyIsGone) as refusal:
        return _refuse(guard, repair, f"KMS refuses the new policy: {refusal}", plan)
    policy = read_back(guard.keys, guard.pause, evidence.live.arn, fingerprint(plan.policy))
    after = replace(evidence, policy=policy, read_at=guard.now())
    return _complete(guard, repair, after, planned)


def read_back(keys: Keys, pause: Callable[[float], None], key_arn: str, expected: str) -> str:
    """The policy that the key has now: as a rule the expected one, which may take KMS a moment to show.

    Args:
        keys: the keys of the account and Region.
        pause: waits for so many seconds.
        key_arn: the key.
        expected: the fingerprint of the policy that was put.
    """
    policy = ""
    for wait in READ_BACK_AFTER:
        pause(wait)
        policy = keys.policy(key_arn)
        if fingerprint(policy) == expected:
            break
    return policy


def _complete(guard: Guard, repair: Repair, after: Evidence, planned: Entry) -> Report:
    """Tells and records what was done, by what was read back."""
    case = replace(repair.case, evidence=after, judged=after.judge())
    exposure = _exposure(repair.case, after)
    guard.alerts.publish(_told(case, repair.case.judged, planned, exposure))
    settled = case.state.settled == case.finding  # by an earlier run of this order, which counted too
    times = () if settled else (*case.state.remediated_at, guard.now())
    guard.ledger.settle(case.key_arn, case.finding, after.read_at, opening=case.opening(), remediated_at=times)
    facts = {"strategy": planned.facts["strategy"], "exposure": json.dumps(exposure.to_json())}
    with suppress(LedgerConflict):
        guard.ledger.write(repair.entry(Kind.REMEDIATED, outcome=case.judged.outcome.value, **facts))
    if case.judged.outcome is Outcome.ENCLOSED:
        return repair.report("remediated", "the guard has enclosed the key", exposure.seconds)
    return repair.report("overtaken", "another policy than the guard has put is read back")


def _exposure(before: Case, after: Evidence) -> Exposure:
    opening = before.opening()
    opened, by = (opening.at, opening.by) if opening else (None, "")
    return Exposure(opened, by, after.read_at, THE_GUARD)


def _told(case: Case, before: Verdict, planned: Entry, exposure: Exposure) -> message.Message:
    if case.judged.outcome is Outcome.ENCLOSED:
        diff, strategy = planned.facts["diff"], planned.facts["strategy"]
        return message.remediated(matter(case), before=before, diff=diff, strategy=strategy, exposure=exposure)
    reason = "it has put a policy that encloses the key, and reads back another one"
    return message.alert(matter(case), Decision(DecisionKind.ALERT, reason, severity_of(case.judged)))


def _finish(guard: Guard, repair: Repair) -> Report:
    """The key is enclosed already; if an earlier run of this order did it and died before it told, completes that."""
    change, evidence = repair.order.change, repair.case.evidence
    written = guard.ledger.of_cause(change.key_arn, change.time, change.event_id)
    planned = next((past for past in reversed(written) if past.kind is Kind.PLANNED), None)
    done = any(past.kind is Kind.REMEDIATED for past in written)
    if planned is None or done or fingerprint(planned.facts["after"]) != fingerprint(evidence.policy):
        return repair.report("quiet", "the key is enclosed already")
    before = verdict.judge(planned.facts["before"], evidence.key, evidence.perimeter)
    return _complete(guard, replace(repair, case=replace(repair.case, judged=before)), evidence, planned)


def _refuse(guard: Guard, repair: Repair, reason: str, plan: Plan) -> Report:
    """Hands off, and says why; once for each policy."""
    hashed = fingerprint(repair.case.evidence.policy)
    if repair.case.state.refused != hashed:
        guard.alerts.publish(message.refused(matter(repair.case), reason=reason, diff=plan.diff))
        with suppress(LedgerConflict):
            guard.ledger.write(repair.entry(Kind.REFUSED, reason=reason, after=plan.policy, diff=plan.diff))
        guard.ledger.refuse(repair.case.key_arn, hashed)
    return repair.report("refused", reason)
