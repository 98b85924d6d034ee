"""From a policy that escapes to a plan: the new policy, its proof and its diff, before anything is touched."""

from __future__ import annotations

import difflib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.perimeter import Strategy
from kms_perimeter.policy import document, operations
from kms_perimeter.policy.escape import NOBODYS_ACCOUNT
from kms_perimeter.policy.request import Route
from kms_perimeter.remedy import guard_statement, proofs, splice, template
from kms_perimeter.remedy.model import Plan
from kms_perimeter.verdict import Outcome, Verdict, boundary_of, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.boundary import Boundary
    from kms_perimeter.policy.key import Key
    from kms_perimeter.remedy.model import Standpoint


def plan(
    policy_text: str,
    key: Key,
    perimeter: Perimeter,
    *,
    strategy: Strategy | None = None,
    standpoint: Standpoint | None = None,
    last_enclosed: str | None = None,
    service_grants: Sequence[str] = (),
) -> Plan:
    """Plan the new policy of a key, and prove it.

    Args:
        policy_text: the present policy.
        key: what is known of the key.
        perimeter: the perimeter that it is under.
        strategy: how to make the new policy; by default as the perimeter says.
        standpoint: who will put the policy and from where, and must not lock itself out; None where nobody does.
        last_enclosed: for `Strategy.RESTORE`, the last enclosed policy of this key.
        service_grants: what the key's grants to AWS-internal principals are for; such a key is fixed only where the
            perimeter says so.
    """
    chosen = strategy or perimeter.strategy
    try:
        present = document.parse(policy_text)
    except MalformedPolicy as error:
        verdict = Verdict(Outcome.MALFORMED, perimeter.name, key.usage, reason=str(error))
        return Plan(policy_text, verdict, False, "", f"the present policy is malformed: {error}", chosen)  # noqa: FBT003
    key = replace(key, account=key.account or document.account_of(present) or NOBODYS_ACCOUNT)
    new = _make(chosen, policy_text, key, perimeter, last_enclosed)
    if new is None:
        verdict = judge(policy_text, key, perimeter)
        reason = "the ledger has no enclosed policy of this key to go back to"
        return Plan(policy_text, verdict, False, "", reason, chosen)  # noqa: FBT003
    verdict = judge(new, key, perimeter)
    changed = json.loads(new) != json.loads(policy_text)
    refused = (
        _refusal(new, verdict, key, perimeter, standpoint, service_grants) if changed or not _ok(verdict) else None
    )
    return Plan(new, verdict, changed, diff_of(policy_text, new), refused, chosen)


def _ok(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.ENCLOSED


def _refusal(
    new: str,
    verdict: Verdict,
    key: Key,
    perimeter: Perimeter,
    standpoint: Standpoint | None,
    service_grants: Sequence[str],
) -> str | None:
    failed = list(proofs.failures(new, document.parse(new), verdict, key, standpoint))
    if service_grants and not perimeter.fix_keys_with_service_grants:
        failed.append(
            f"AWS services use the key through {len(service_grants)} grants ({', '.join(service_grants[:3])}), and the"
            " perimeter does not say `fix_keys_with_service_grants`"
        )
    return "; ".join(failed) or None


def _make(
    strategy: Strategy, policy_text: str, key: Key, perimeter: Perimeter, last_enclosed: str | None
) -> str | None:
    boundary = boundary_of(perimeter)
    if strategy is Strategy.RESTORE:
        return last_enclosed
    if strategy is Strategy.TEMPLATE:
        if _ok(judge(policy_text, key, perimeter)):
            return policy_text
        return json.dumps(template.render(_bindable(key), boundary, key), indent=2, ensure_ascii=False)
    return _guarded(policy_text, key, perimeter, boundary)


def _guarded(policy_text: str, key: Key, perimeter: Perimeter, boundary: Boundary) -> str:
    """The policy with the guard statements that it needs, in place of those that we put in before."""
    has_ours = any(map(guard_statement.is_ours, _statements(policy_text)))
    bare = splice.replace(policy_text, guard_statement.is_ours, []) if has_ours else policy_text
    verdict = judge(bare, key, perimeter) if _statements(bare) else None
    if verdict is None or _ok(verdict):
        return policy_text if not has_ours or verdict is None else bare
    new = _with_guards(bare, _to_bind(verdict, key, boundary), key, boundary, strangers=False)
    again = judge(new, key, perimeter)
    if not _ok(again):
        bound = list(dict.fromkeys([*_to_bind(verdict, key, boundary), *_to_bind(again, key, boundary)]))
        new = _with_guards(bare, bound, key, boundary, strangers=True)
    return policy_text if json.loads(new) == json.loads(policy_text) else new


def _with_guards(bare: str, bound: list[str], key: Key, boundary: Boundary, *, strangers: bool) -> str:
    put = guard_statement.guards(bound, boundary, key, strangers=strangers)
    return splice.replace(bare, guard_statement.is_ours, put)


def _to_bind(verdict: Verdict, key: Key, boundary: Boundary) -> list[str]:
    """The operations to bind: all of each rule that something escapes, so that the statement says what the rule says.

    Where the policy is not decided, every rule's.
    """
    covered = [(op, rule) for op in _bindable(key) if (rule := boundary.rule_for(op))]
    leaking = {boundary.rule_for(e.operation) and e.rule for e in verdict.escapes}
    grants = any(e.route is Route.GRANT for e in verdict.escapes)
    return [name for name, rule in covered if rule.name in leaking or not verdict.escapes or grants]


def _bindable(key: Key) -> list[str]:
    """What people or services can ask of this key; `kms:SynchronizeMultiRegionKey` is KMS's own affair."""
    return [op.name for op in operations.possible_on(key) if op.name != "kms:SynchronizeMultiRegionKey"]


def _statements(policy_text: str) -> list[dict[str, Any]]:
    statements = json.loads(policy_text)["Statement"]
    return statements if isinstance(statements, list) else [statements]


def diff_of(old: str, new: str, names: tuple[str, str] = ("present policy", "new policy")) -> str:
    """A unified diff of two policies, both printed with the same indentation; `names` are what it calls them."""
    before, after = (json.dumps(json.loads(text), indent=2, ensure_ascii=False).splitlines() for text in (old, new))
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))
