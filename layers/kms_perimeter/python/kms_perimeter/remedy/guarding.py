"""The strategy `guard`: keep every statement, and put in what denies requests from outside and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy import document, operations
from kms_perimeter.policy.escape import NOBODYS_ACCOUNT
from kms_perimeter.policy.record import replace
from kms_perimeter.policy.request import Route
from kms_perimeter.remedy import guard_statement, splice
from kms_perimeter.verdict import Outcome, boundary_of, judge

if TYPE_CHECKING:
    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.boundary import Boundary
    from kms_perimeter.policy.key import Key
    from kms_perimeter.verdict import Verdict


def guarded(policy_text: str, key: Key, perimeter: Perimeter) -> str:
    """The policy with the guard statements that it needs, in place of those that we put in before.

    What is needed follows from the policy without them: one for each rule that something escapes. So an earlier one
    follows the perimeter, is put right if somebody has edited it, and goes when nothing needs it any more.
    """
    bare = splice.replace(policy_text, guard_statement.is_ours, [])
    if not splice.statements(bare):
        return policy_text
    verdict, boundary = judge(bare, key, perimeter), boundary_of(perimeter)
    if _is_enclosed(verdict):
        return bare
    bound = _to_bind(verdict, key, boundary)
    new = _with_guards(policy_text, bound, key, boundary, strangers=False)
    again = judge(new, key, perimeter)
    if _is_enclosed(again):
        return new
    bound = list(dict.fromkeys([*bound, *_to_bind(again, key, boundary)]))
    return _with_guards(policy_text, bound, key, boundary, strangers=True)


def is_outdated(policy_text: str, key: Key, perimeter: Perimeter) -> bool:
    """Whether a policy holds guard statements of ours that the perimeter no longer asks for as they are.

    Such a key may be enclosed all the same: a network that was approved since is still shut out by our own statement.

    Raises:
        MalformedPolicy: the policy cannot be read.
    """
    present = document.parse(policy_text)
    if not any(map(guard_statement.is_ours, splice.statements(policy_text))):
        return False
    known = replace(key, account=key.account or document.account_of(present) or NOBODYS_ACCOUNT)
    return guarded(policy_text, known, perimeter) != policy_text


def bindable(key: Key) -> list[str]:
    """What people or services can ask of this key; `kms:SynchronizeMultiRegionKey` is KMS's own affair."""
    return [op.name for op in operations.possible_on(key) if op.name != "kms:SynchronizeMultiRegionKey"]


def _is_enclosed(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.ENCLOSED


def _with_guards(policy_text: str, bound: list[str], key: Key, boundary: Boundary, *, strangers: bool) -> str:
    theirs = [s for s in splice.statements(policy_text) if not guard_statement.is_ours(s)]
    taken = {str(statement["Sid"]) for statement in theirs if "Sid" in statement}
    put = guard_statement.guards(bound, boundary, key, strangers=strangers, taken=taken)
    return splice.replace(policy_text, guard_statement.is_ours, put)


def _to_bind(verdict: Verdict, key: Key, boundary: Boundary) -> list[str]:
    """The operations to bind: all of each rule that something escapes, so that the statement says what the rule says.

    Where the policy is not decided, every rule's.
    """
    covered = [(op, rule) for op in bindable(key) if (rule := boundary.rule_for(op))]
    leaking = {boundary.rule_for(e.operation) and e.rule for e in verdict.escapes}
    grants = any(e.route is Route.GRANT for e in verdict.escapes)
    return [name for name, rule in covered if rule.name in leaking or not verdict.escapes or grants]
