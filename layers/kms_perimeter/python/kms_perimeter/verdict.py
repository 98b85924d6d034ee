"""What is said of a key policy: the verdict, its escapes and its advisories."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy import advisories, document, evaluator, operations
from kms_perimeter.policy.advisories import Advisory, Code
from kms_perimeter.policy.boundary import Boundary, Covered, Networks
from kms_perimeter.policy.escape import BEYOND, STEPS, Escape, search
from kms_perimeter.policy.record import record, replace
from kms_perimeter.policy.request import Request, Route, StatementRef

if TYPE_CHECKING:
    from kms_perimeter.perimeter import Perimeter, Rule
    from kms_perimeter.policy.document import KeyPolicy
    from kms_perimeter.policy.escape import Found
    from kms_perimeter.policy.key import Key

__all__ = [
    "Advisory",
    "Code",
    "Escape",
    "Outcome",
    "Request",
    "Route",
    "StatementRef",
    "Verdict",
    "boundary_of",
    "confirmed",
    "is_confirmed",
    "judge",
    "judge_policy",
]


class Outcome(StrEnum):
    """The four answers, by rising exit status of `check` (0, 1, 3, and 2 for malformed)."""

    ENCLOSED = "enclosed"
    ESCAPES = "escapes"
    UNDECIDED = "undecided"
    MALFORMED = "malformed"


@record
class Verdict:
    """The answer to: can any request from outside the perimeter use the key?

    Attributes:
        outcome: the answer.
        perimeter: name of the perimeter that the key is under, or None where the question could not be asked.
        key_usage: the usage that the key was judged for.
        escapes: the counterexamples; empty unless the outcome is ``escapes``.
        advisories: see `Advisory`.
        reason: for ``undecided`` and ``malformed``, why; else None.
    """

    outcome: Outcome
    perimeter: str | None
    key_usage: str
    escapes: tuple[Escape, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The verdict as `check --format json` prints it."""
        return {
            "verdict": self.outcome.value,
            "perimeter": self.perimeter,
            "key_usage": self.key_usage,
            "escapes": [escape.to_json() for escape in self.escapes],
            "advisories": [advisory.to_json() for advisory in self.advisories],
            "reason": self.reason,
        }


def judge(policy_text: str, key: Key, perimeter: Perimeter) -> Verdict:
    """Judge the text of a key policy; one that cannot be read is a verdict too, never an exception."""
    try:
        policy = document.parse(policy_text)
    except MalformedPolicy as error:
        return Verdict(Outcome.MALFORMED, perimeter.name, key.usage, reason=str(error))
    return judge_policy(policy, key, perimeter)


def judge_policy(policy: KeyPolicy, key: Key, perimeter: Perimeter, *, steps: int = STEPS) -> Verdict:
    """Judge a key policy: every escape is replayed by the plain evaluator before it is told.

    Args:
        policy: the policy.
        key: what is known of the key; without an account, the one that the policy's principals name is taken.
        perimeter: the perimeter that the key is under.
        steps: the bound on the search, past which the verdict is `undecided`.
    """
    key = key if key.account else replace(key, account=document.account_of(policy))
    boundary = boundary_of(perimeter)
    found = search(policy, key, boundary, steps=steps)
    escapes, unsettled = confirmed(policy, found)
    outcome = Outcome.ESCAPES if escapes else Outcome.UNDECIDED if unsettled else Outcome.ENCLOSED
    # Past the bound, what is left to say would take as long again.
    bounded = BEYOND in unsettled
    said = () if bounded else advisories.of(policy, found, key, services_trusted=boundary.services_trusted)
    reason = "; ".join(unsettled) if outcome is Outcome.UNDECIDED else None
    return Verdict(outcome, perimeter.name, key.usage, escapes, said, reason)


def confirmed(policy: KeyPolicy, found: Found) -> tuple[tuple[Escape, ...], list[str]]:
    """The escapes that the evaluator lets through too, and what is unsettled: also that it does not let one through."""
    reader = evaluator.Reader(policy, found.key)
    escapes = tuple([escape for escape in found.escapes if is_confirmed(reader, escape)])
    if len(escapes) == len(found.escapes):
        return escapes, found.unsettled
    return escapes, [*found.unsettled, "the search found an escape that the evaluator does not confirm"]


def is_confirmed(reader: evaluator.Reader, escape: Escape) -> bool:
    """Whether the evaluator, which shares only the parser and the tables with the search, lets it through as well."""
    used = reader.evaluate(escape.request)
    if escape.grant is None:
        return used.decision == evaluator.ALLOWED
    given = reader.evaluate(escape.grant)
    return given.decision == evaluator.ALLOWED and used.decision != evaluator.EXPLICIT_DENY


def boundary_of(perimeter: Perimeter) -> Boundary:
    """The perimeter as the search needs it."""
    return Boundary(
        tuple(_covered(rule) for rule in perimeter.rules),
        perimeter.aws_services == "trusted",
        frozenset(perimeter.trusted_accounts),
        perimeter.break_glass_principals,
    )


def _covered(rule: Rule) -> Covered:
    networks = Networks(
        frozenset(rule.vpc_endpoints),
        frozenset(rule.vpcs),
        frozenset(rule.vpce_accounts),
        frozenset(rule.vpce_org_ids),
    )
    return Covered(rule.name, operations.expand(rule.operations), networks)
