"""Fixing a key: look again, plan, save the old policy, put the new one, read it back, judge what is read, tell.

The old policy is in the ledger before the new one is put. If a run dies after the put, the next one finds the key
enclosed and its own plan in the ledger, and completes the work.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kms_perimeter import message, remedy, verdict
from kms_perimeter.aws.ledger import Entry, Kind, State
from kms_perimeter.decision import Decision, DecisionKind, severity_of
from kms_perimeter.errors import AccessIsDenied, KeyIsGone, LedgerConflict, PolicyIsRefused
from kms_perimeter.evidence import Evidence, Guard, Report, gather, report_on
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.guard import apply, weigh
from kms_perimeter.perimeter import Strategy
from kms_perimeter.telling import entry, matter, tell_unreadable
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from kms_perimeter.order import Order
    from kms_perimeter.remedy import Plan

# Seconds. KMS: a change "typically takes less than a few seconds" to be seen everywhere.
READ_BACK_AFTER = (0.0, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Case:
    """A key to be fixed, as it is when the order is worked on.

    Attributes:
        order: the order.
        evidence: the key as it is now.
        judged: the verdict on its policy.
        state: what the ledger knows about it.
    """

    order: Order
    evidence: Evidence
    judged: Verdict
    state: State

    def report(self, done: str, reason: str) -> Report:
        """What was done about the case."""
        return report_on(self.order.change, done, reason, self.judged)

    def entry(self, kind: Kind, **facts: str) -> Entry:
        """An entry of the ledger about the case."""
        approved_by = {"approved_by": self.order.approved_by} if self.order.approved_by else {}
        hashed = {"policy_hash": fingerprint(self.evidence.policy), "perimeter": self.evidence.perimeter.name}
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
    case = Case(order, evidence, evidence.judge(), guard.ledger.state(order.change.key_arn))
    if case.judged.outcome is Outcome.ENCLOSED:
        return _finish(guard, case)
    if reason := _hands_off(guard, case):
        return case.report("ignored", reason)
    plan = _plan(guard, case)
    if reason := _why_not(plan):
        return _refuse(guard, case, reason, plan)
    return _carry_out(guard, case, plan)


def _hands_off(guard: Guard, case: Case) -> str | None:
    """The fixed word for why the order is void, if it is: the key has changed, or is fought over, or is excepted."""
    if case.order.approved_by:
        same = fingerprint(case.evidence.policy) == case.order.policy_hash
        return None if same else "changed-since-approval"
    decision = weigh(guard, case.evidence, case.judged, case.state)
    if decision.kind is DecisionKind.CONTESTED:
        apply(guard, case.evidence, case.judged, decision, case.state)
    return None if decision.kind is DecisionKind.REMEDIATE else f"decided-{decision.kind.value}"


def _plan(guard: Guard, case: Case) -> Plan:
    evidence, arn = case.evidence, case.evidence.live.arn
    restores = evidence.perimeter.strategy is Strategy.RESTORE
    return remedy.plan(
        evidence.policy,
        evidence.key,
        evidence.perimeter,
        guard_role=guard.settings.guard_role_arn,
        last_enclosed=guard.ledger.last_enclosed(arn) if restores else None,
        service_grants=_service_grantees(guard, arn),
    )


def _service_grantees(guard: Guard, key_arn: str) -> tuple[str, ...]:
    """Services that work through grants: KMS sees principals that a guard statement cannot always tell from others."""
    try:
        return guard.keys.service_grantees(key_arn)
    except AccessIsDenied as refusal:  # then there may be some
        return (f"they cannot be listed: {refusal}",)


def _why_not(plan: Plan) -> str | None:
    if plan.refused:
        return plan.refused
    if plan.verdict.outcome is not Outcome.ENCLOSED:
        return f"the new policy is not proved to be enclosed, it is {plan.verdict.outcome.value}"
    return None if plan.changed else "the plan would change nothing"


def _carry_out(guard: Guard, case: Case, plan: Plan) -> Report:
    key_arn = case.evidence.live.arn
    planned = case.entry(
        Kind.PLANNED,
        outcome=case.judged.outcome.value,
        before=case.evidence.policy,
        after=plan.policy,
        diff=plan.diff,
        strategy=plan.strategy.value,
    )
    with suppress(LedgerConflict):  # an earlier run of this order has saved this very policy
        guard.ledger.write(planned)
    guard.ledger.plan(key_arn, fingerprint(plan.policy))
    try:
        guard.keys.put_policy(key_arn, plan.policy)
    except (PolicyIsRefused, AccessIsDenied, KeyIsGone) as refusal:
        return _refuse(guard, case, f"KMS refuses the new policy: {refusal}", plan)
    policy = _read_back(guard, key_arn, fingerprint(plan.policy))
    after = replace(case.evidence, policy=policy, read_at=guard.now())
    return _complete(guard, case, after, planned)


def _read_back(guard: Guard, key_arn: str, expected: str) -> str:
    """The policy that the key has now: as a rule the expected one, which may take KMS a moment to show."""
    policy = ""
    for wait in READ_BACK_AFTER:
        guard.pause(wait)
        policy = guard.keys.policy(key_arn)
        if fingerprint(policy) == expected:
            break
    return policy


def _complete(guard: Guard, case: Case, after: Evidence, planned: Entry) -> Report:
    """Tells and records what was done, by what was read back."""
    key_arn, proved = case.evidence.live.arn, after.judge()
    guard.alerts.publish(_told(after, proved, case.judged, planned))
    with suppress(LedgerConflict):
        guard.ledger.write(
            case.entry(Kind.REMEDIATED, outcome=proved.outcome.value, strategy=planned.facts["strategy"])
        )
    times = (*case.state.remediated_at, guard.now())
    guard.ledger.settle(key_arn, after.finding(proved), after.read_at, remediated_at=times)
    if proved.outcome is Outcome.ENCLOSED:
        return case.report("remediated", "the guard has enclosed the key")
    return case.report("overtaken", "another policy than the guard has put is read back")


def _told(after: Evidence, proved: Verdict, before: Verdict, planned: Entry) -> message.Message:
    if proved.outcome is Outcome.ENCLOSED:
        facts = planned.facts
        return message.remediated(matter(after, proved), before=before, diff=facts["diff"], strategy=facts["strategy"])
    reason = "it has put a policy that encloses the key, and reads back another one"
    return message.alert(matter(after, proved), Decision(DecisionKind.ALERT, reason, severity_of(proved)))


def _finish(guard: Guard, case: Case) -> Report:
    """The key is enclosed already; if an earlier run of this order did it and died before it told, completes that."""
    change = case.order.change
    written = guard.ledger.of_cause(change.key_arn, change.time, change.event_id)
    planned = next((past for past in reversed(written) if past.kind is Kind.PLANNED), None)
    done = any(past.kind is Kind.REMEDIATED for past in written)
    if planned is None or done or fingerprint(planned.facts["after"]) != fingerprint(case.evidence.policy):
        return case.report("quiet", "the key is enclosed already")
    before = verdict.judge(planned.facts["before"], case.evidence.key, case.evidence.perimeter)
    return _complete(guard, replace(case, judged=before), case.evidence, planned)


def _refuse(guard: Guard, case: Case, reason: str, plan: Plan) -> Report:
    """Hands off, and says why; once for each policy."""
    key_arn, hashed = case.evidence.live.arn, fingerprint(case.evidence.policy)
    if case.state.refused != hashed:
        told = message.refused(matter(case.evidence, case.judged), reason=reason, diff=plan.diff)
        guard.alerts.publish(told)
        with suppress(LedgerConflict):
            guard.ledger.write(case.entry(Kind.REFUSED, reason=reason, after=plan.policy, diff=plan.diff))
        guard.ledger.refuse(key_arn, hashed)
    return case.report("refused", reason)
