"""What is true and worth saying about a policy although it is no escape; each with the statement it is about."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from kms_perimeter.policy import applies, context_keys, operations, operators, origins
from kms_perimeter.policy.budget import BoundReached, Budget
from kms_perimeter.policy.classes import texts
from kms_perimeter.policy.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.policy.document import Condition, KeyPolicy, Statement
    from kms_perimeter.policy.escape import Found
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.request import StatementRef

_VIA = frozenset({"aws:viaawsservice", "kms:viaservice", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast",
                  "kms:grantisforawsresource"})  # fmt: skip
DOCUMENTED_IDS = frozenset({
    "vpce-1234abcdf5678c90a", "vpce-1a2b3c4d", "vpce-0123456789abcdef0", "vpce-1234567890abcdef0", "vpce-11223344",
    "vpce-11112222333344445", "vpc-12345678", "vpc-2b2b2b2b", "vpc-1a2b3c4d", "vpc-111bbb22", "vpc-111bbccc",
    "vpc-0123456789abcdef0", "vpc-1234567890abcdef0", "vpc-11112222333344445", "vpc-abcdef01", "vpce-abcdef01",
})  # fmt: skip


class Code(StrEnum):
    """Which kind of advisory it is; each has a page in docs/advisories."""

    BREAKS_INTEGRATED_SERVICES = "breaks-integrated-services"
    CONDITION_NEVER_TRUE = "condition-never-true"
    CREATED_FROM_OUTSIDE = "created-from-outside"
    DENY_NOT_PRINCIPAL = "deny-not-principal"
    GRANTS_BYPASS = "grants-bypass"
    LOCKOUT_RISK = "lockout-risk"
    PLACEHOLDER_NETWORK = "placeholder-network"
    SOURCE_IP_INEFFECTIVE = "source-ip-ineffective"
    UNKNOWN_CONDITION_KEY = "unknown-condition-key"


@record
class Advisory:
    """Something true and worth saying that is no escape.

    Attributes:
        code: which kind.
        statement: the statement it is about, or None where it is about the whole policy.
        message: one sentence for a person.
    """

    code: Code
    statement: StatementRef | None
    message: str

    def to_json(self) -> dict[str, object]:
        """The advisory as the contract prints it."""
        statement = self.statement.to_json() if self.statement else None
        return {"code": self.code.value, "statement": statement, "message": self.message}


def of(policy: KeyPolicy, found: Found, key: Key, *, services_trusted: bool) -> tuple[Advisory, ...]:
    """All advisories of a policy, in the order of its statements."""
    said: list[Advisory] = []
    for statement in policy.statements:
        said += _of_statement(statement, key, services_trusted=services_trusted)
    if found.given_away:
        message = "a grant is bound by no condition of an `Allow`: who may create one can give the use of the key away"
        if found.given_through_services:
            message = (
                "who may create a grant can let principals of other accounts use the key, though only through AWS"
                " services, which the `Deny` statements let through"
            )
        said.append(Advisory(Code.GRANTS_BYPASS, found.given_away, message))
    if found.changeable is False:
        message = "nobody that this policy admits could change it again; the way back would be AWS Support"
        said.append(Advisory(Code.LOCKOUT_RISK, None, message))
    return tuple(said)


def _of_statement(statement: Statement, key: Key, *, services_trusted: bool) -> Iterator[Advisory]:
    ref = statement.ref
    if not statement.allows and statement.principal.negated:
        message = "`Deny` with `NotPrincipal` also denies everybody whose account is not listed"
        yield Advisory(Code.DENY_NOT_PRINCIPAL, ref, message)
    if services_trusted and not statement.void and _shuts_out_services(statement):
        message = "no AWS service can use the key for anybody: such a request carries no VPC or endpoint"
        yield Advisory(Code.BREAKS_INTEGRATED_SERVICES, ref, message)
    for condition in statement.conditions:
        yield from _of_condition(condition, statement, key)


def _of_condition(condition: Condition, statement: Statement, key: Key) -> Iterator[Advisory]:
    ref, key_name = statement.ref, condition.spelling
    if condition.key == "aws:sourceip":
        message = "a request over a VPC endpoint carries no `aws:SourceIp`, so this says nothing about it"
        yield Advisory(Code.SOURCE_IP_INEFFECTIVE, ref, message)
    if context_keys.find(condition.key) is None:
        yield Advisory(Code.UNKNOWN_CONDITION_KEY, ref, f"`{key_name}` is no condition key that AWS documents for KMS")
    elif _never_true(condition, statement, key):
        values = ", ".join(f"`{v}`" for v in condition.values[:3])
        yield Advisory(
            Code.CONDITION_NEVER_TRUE, ref, f"no request has a `{key_name}` that {condition.operator} {values}"
        )
    for value in condition.values:
        if condition.key in ("aws:sourcevpce", "aws:sourcevpc") and value in DOCUMENTED_IDS:
            yield Advisory(Code.PLACEHOLDER_NETWORK, ref, f"`{value}` is an ID from documentation")


def _shuts_out_services(statement: Statement) -> bool:
    """Whether it asks for a network and leaves AWS services that act for the caller no way through."""
    keys = {c.key for c in statement.conditions}
    if keys.isdisjoint(context_keys.NETWORK) or not keys.isdisjoint(_VIA) or statement.action is None:
        return False
    return not operations.GROUPS["cryptographic"].isdisjoint(applies.operations(statement.action))


def _never_true(condition: Condition, statement: Statement, key: Key) -> bool:
    """Whether the condition fails for every value that its key can have, and for its absence."""
    test = operators.read(condition.operator)
    if not test.exact or test.operator is None or test.operator.negated or test.if_exists or test.quantifier == "all":
        return False
    if any("${" in value for value in condition.values):
        return False
    performed = {op.name for op in operations.possible_on(key)}
    about = (applies.operations(statement.action) & performed) if statement.action else frozenset()
    if about and not any(context_keys.exists_for(condition.key, op, key) for op in about):
        return True
    return not any(_possible(condition, value, key) for value in condition.values)


def _fixed(name: str, key: Key) -> object:
    """What every request says: AWS KMS is reached over TLS only, and the key is what it is."""
    return "true" if name == "aws:securetransport" else origins.of_key(name, key)


def _possible(condition: Condition, value: str, key: Key) -> bool:
    """Whether some value of the key could match this value of the policy."""
    operator = operators.read(condition.operator).operator
    assert operator is not None  # noqa: S101  (INVARIANT: asked only of known operators)
    shape = operator.shape([(value, True)])
    if isinstance(fixed := _fixed(condition.key, key), str):
        return shape.accepts(fixed)
    try:
        found = texts(context_keys.find(condition.key), [shape], Budget(2000))
    except BoundReached:
        return True
    return not found.exact or any(shape.accepts(text) for text in found.values)
