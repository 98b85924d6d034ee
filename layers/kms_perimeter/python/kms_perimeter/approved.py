"""What somebody has approved, and whether the guard may still do it.

A yes is for one plan of one policy. What has changed since then may make it void: whoever gave it relies on it and
hears so.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from kms_perimeter import message
from kms_perimeter.aws.ledger import Kind
from kms_perimeter.decision import Decision, DecisionKind, severity_of
from kms_perimeter.errors import LedgerConflict
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.perimeter import Mode
from kms_perimeter.reminding import exception_for
from kms_perimeter.telling import announce, entry, matter

if TYPE_CHECKING:
    from kms_perimeter.case import Case
    from kms_perimeter.evidence import Guard
    from kms_perimeter.order import Order
    from kms_perimeter.remedy import Plan


def is_void(guard: Guard, order: Order, case: Case) -> bool:
    """Whether the guard must leave the key alone although its plan is approved; then it tells why, and records it.

    Twice, if the run dies in between; both messages have the same mark.
    """
    reason = _why_void(guard, case)
    if reason is None:
        return False
    guard.alerts.publish(message.refused(matter(guard, case), reason=reason))
    facts = {"approved_by": str(order.approved_by), "reason": reason}  # of the order; nothing is wrong with the plan
    with suppress(LedgerConflict):  # an earlier run has got so far
        guard.ledger.write(entry(order.change, Kind.REFUSED, facts))
    return True


def ask_if_another(guard: Guard, order: Order, case: Case, plan: Plan) -> bool:
    """Whether the plan is another one than was shown to whoever said yes; then it is asked about.

    So it is if the perimeter has changed, or what `restore` goes back to.
    """
    asks = order.plan_hash and case.evidence.perimeter.mode is Mode.APPROVE
    if not asks or order.plan_hash == fingerprint(plan.policy):
        return False
    reason = "the plan is another one than was approved, since the perimeter or the ledger has changed"
    announce(guard, case, Decision(DecisionKind.ASK, reason, severity_of(case.judged)))
    return True


def _why_void(guard: Guard, case: Case) -> str | None:
    yes = "its plan is approved, but"
    if exception := exception_for(guard, case):
        return f"{yes} {exception.owner} answers for the key until {exception.expires}: {exception.reason}"
    if case.evidence.owned_by:
        return f"{yes} its tag {case.evidence.owned_by} says by now that infrastructure code manages it"
    if case.evidence.perimeter.mode is Mode.ALERT:
        return f"{yes} the mode of its perimeter is alert by now"
    return None
