"""The plan for a key as it is now, with what only AWS and the ledger can tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kms_perimeter import remedy
from kms_perimeter.errors import AccessIsDenied
from kms_perimeter.perimeter import Mode, Strategy
from kms_perimeter.remedy import Standpoint
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from kms_perimeter.evidence import Evidence, Guard
    from kms_perimeter.remedy import Plan
    from kms_perimeter.settings import Settings


def plan_for(guard: Guard, evidence: Evidence) -> Plan:
    """What would enclose the key, and the proofs of it."""
    arn = evidence.live.arn
    restores = evidence.perimeter.strategy is Strategy.RESTORE
    return remedy.plan(
        evidence.policy,
        evidence.key,
        evidence.perimeter,
        standpoint=standpoint_of(guard.settings),
        last_enclosed=guard.ledger.last_enclosed(arn) if restores else None,
        # In mode alert nobody carries the plan out, and a first sweep of many open keys must not use up the quota.
        service_grants=() if evidence.perimeter.mode is Mode.ALERT else _service_grantees(guard, arn),
    )


def standpoint_of(settings: Settings) -> Standpoint | None:
    """Who puts policies, and from where; None where nobody does."""
    role = settings.guard_role_arn
    return Standpoint(role, settings.guard_vpc_id, settings.guard_vpc_endpoint_id) if role else None


def plan_facts(plan: Plan) -> dict[str, str]:
    """A plan as the ledger's entries tell it, with what was proved of it."""
    proofs = json.dumps([proof.to_json() for proof in plan.proofs])
    facts = {"after": plan.policy, "diff": plan.diff, "strategy": plan.strategy.value, "proofs": proofs}
    return facts | ({"losses": json.dumps(plan.losses)} if plan.losses else {})


def must_follow(guard: Guard, evidence: Evidence) -> bool:
    """Whether the guard's own statement on an enclosed key is of an older perimeter, and the guard may change it.

    A network that has been approved since would stay shut out by the guard itself.
    """
    may = evidence.perimeter.mode is Mode.ENFORCE and evidence.owned_by is None and guard.remediations is not None
    guards = evidence.perimeter.strategy is Strategy.GUARD
    return may and guards and remedy.is_outdated(evidence.policy, evidence.key, evidence.perimeter)


def why_not(plan: Plan) -> str | None:
    """Why the plan must not be carried out, or None if every proof holds."""
    if plan.refused:
        return plan.refused
    if plan.verdict.outcome is not Outcome.ENCLOSED:
        return f"the new policy is not proved to be enclosed, it is {plan.verdict.outcome.value}"
    return None if plan.changed else "the plan would change nothing"


def _service_grantees(guard: Guard, key_arn: str) -> tuple[str, ...]:
    """Services that work through grants: KMS sees principals that a guard statement cannot always tell from others."""
    try:
        return guard.keys.service_grantees(key_arn)
    except AccessIsDenied as refusal:  # then there may be some
        return (f"they cannot be listed: {refusal}",)
