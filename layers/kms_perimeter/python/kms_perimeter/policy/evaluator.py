"""The plain evaluator: does this key policy let this one request through?

It reads the policy as AWS's documents tell it, one statement after the other, for a caller whose own IAM policy allows
everything. The search for escapes shares the parser with it and nothing else, and asks it about each escape before
anybody is told.

Source: *Policy evaluation logic* in the IAM User Guide, *Key policies in AWS KMS* and *Troubleshooting AWS KMS
permissions* in the AWS KMS Developer Guide.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from kms_perimeter.policy import comparisons, context_keys, operators, principal, variables, wildcard
from kms_perimeter.policy.document import VARIABLES_VERSION
from kms_perimeter.policy.operations import BY_LOWER_NAME, NOT_ALLOWED_BY_KEY_POLICY
from kms_perimeter.policy.principal import Form
from kms_perimeter.policy.record import record
from kms_perimeter.policy.request import Route, StatementRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.policy.document import Condition, Element, KeyPolicy, Statement
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.operations import Operation
    from kms_perimeter.policy.principal import Principal
    from kms_perimeter.policy.request import Request

    Context = Mapping[str, str | tuple[str, ...]]

ALLOWED = "allowed"
EXPLICIT_DENY = "explicit-deny"
IMPLICIT_DENY = "implicit-deny"
__all__ = ["ALLOWED", "EXPLICIT_DENY", "IMPLICIT_DENY", "VARIABLES_VERSION", "Evaluation", "Reader", "evaluate"]


@record
class Evaluation:
    """What the policy says of a request.

    Attributes:
        decision: ``allowed``, ``explicit-deny`` or ``implicit-deny``.
        route: for ``allowed``, how the request gets its permission; else None.
        statements: the statements that apply, each with its effect, ``Allow`` or ``Deny``.
    """

    decision: str
    route: Route | None
    statements: tuple[tuple[StatementRef, str], ...]


def evaluate(policy: KeyPolicy, request: Request, key: Key) -> Evaluation:
    """Decide one request as AWS KMS would, taking the caller's own IAM policy as allowing everything.

    The context is taken as it is given: nothing is derived from the principal. Condition keys that the operation does
    not have count as absent.
    """
    return Reader(policy, key).evaluate(request)


class Reader:
    """One policy, read for one request after another: whom a statement names is found out once for each caller."""

    __slots__ = ("_key", "_named", "_policy")

    def __init__(self, policy: KeyPolicy, key: Key) -> None:
        self._policy, self._key = policy, key
        self._named: dict[str, tuple[_Caller, list[tuple[Statement, bool]]]] = {}

    def evaluate(self, request: Request) -> Evaluation:
        """As the function of this name."""
        policy, key, action = self._policy, self._key, request.action.lower()
        operation = BY_LOWER_NAME.get(action)
        name = operation.name if operation else request.action
        context: dict[str, str | tuple[str, ...]] = {}
        for spelling, value in request.context.items():
            if context_keys.exists_for(lower := spelling.lower(), name, key):
                context[lower] = value
        caller, naming = self._naming(request.principal)
        resource = request.resource or key.arn
        applying: list[tuple[StatementRef, str]] = []
        denied, route = False, Route.IAM
        for statement, direct in naming:
            if _applies(statement, action, resource, context, policy):
                applying.append((statement.ref, "Allow" if statement.allows else "Deny"))
                denied = denied or not statement.allows
                route = Route.KEY_POLICY if direct else route
        if denied:
            return Evaluation(EXPLICIT_DENY, None, tuple(applying))
        if not applying or not _effective(operation, caller, request.resource, key):
            return Evaluation(IMPLICIT_DENY, None, tuple(applying))
        return Evaluation(ALLOWED, route, tuple(applying))

    def _naming(self, text: str) -> tuple[_Caller, list[tuple[Statement, bool]]]:
        """The caller of this name, and the statements that name it: directly, or just its account."""
        if (known := self._named.get(text)) is None:
            caller = _Caller(text)
            found = ((s, _names(s, caller)) for s in self._policy.statements)
            known = self._named[text] = caller, [(s, direct) for s, direct in found if direct is not None]
        return known


class _Caller:
    """Who asks: an IAM principal by its ARN, or a service principal by its name."""

    __slots__ = ("is_service", "principal", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_service = not text.startswith("arn:")
        self.principal = principal.parse("Service" if self.is_service else "AWS", text)


def _effective(operation: Operation | None, caller: _Caller, resource: str | None, key: Key) -> bool:
    """Whether a key policy can allow this operation to this caller at all."""
    if operation is None or operation.group == "account" or operation.name in NOT_ALLOWED_BY_KEY_POLICY:
        return False
    owner = key.account or (resource.split(":")[4] if resource and resource.count(":") >= 5 else None)  # noqa: PLR2004
    foreign = not caller.is_service and owner is not None and caller.principal.account != owner
    return operation.cross_account or not foreign


def _applies(statement: Statement, action: str, resource: str | None, context: Context, policy: KeyPolicy) -> bool:
    """Whether a statement that names the caller is about the request."""
    if statement.action is None or statement.resource is None:
        return False
    if not _in_actions(statement.action, action) or not _in_resources(statement.resource, resource, context, policy):
        return False
    return not statement.conditions or all(holds(c, context, policy) for c in statement.conditions)


def _in_actions(element: Element, action: str) -> bool:
    for pattern in element.patterns:  # not `any`: this is most of what an evaluation does
        if _is_action(pattern, action):
            return not element.negated
    return element.negated


@lru_cache(maxsize=1024)
def _is_action(pattern: str, action: str) -> bool:
    """Names of actions are not case-sensitive; `action` is in lower case."""
    return wildcard.matches(pattern.lower(), action)


def _in_resources(element: Element, resource: str | None, context: Context, policy: KeyPolicy) -> bool:
    """A key policy's ``*`` is the key itself; an alias is a resource of its own and never the key."""
    if "*" in element.patterns:
        return not element.negated
    for pattern in element.patterns:
        if _is_resource(pattern, resource, context, policy):
            return not element.negated
    return element.negated


def _is_resource(pattern: str, resource: str | None, context: Context, policy: KeyPolicy) -> bool:
    filled = _fill(pattern, context, policy)
    return filled is not None and resource is not None and wildcard.tokens_match(filled, resource)


def _names(statement: Statement, caller: _Caller) -> bool | None:
    """Whether the statement names the caller: directly (True), by its account (False), not at all (None)."""
    found = [_name(p, caller) for p in statement.principal.principals]
    if statement.principal.negated:
        return True if all(f is None for f in found) else None
    return True if True in found else False if False in found else None


def _name(named: Principal, caller: _Caller) -> bool | None:
    if named.form is Form.ANYONE:
        return True
    if caller.is_service or named.form is Form.SERVICE:
        return True if caller.is_service and named.form is Form.SERVICE and named.value == caller.text else None
    if named.form is Form.ACCOUNT:
        return False if named.account == caller.principal.account else None
    if named.form is Form.NOBODY:
        return None
    return True if named.value == caller.text or _is_session_of(named, caller.principal) else None


def _is_session_of(named: Principal, caller: Principal) -> bool:
    """Whether the caller is a session of the named role, or of the named user by `GetFederationToken`."""
    forms = (named.form, caller.form)
    if named.account != caller.account or forms not in (
        (Form.ROLE, Form.SESSION),
        (Form.USER, Form.FEDERATED_USER),
    ):
        return False
    return named.name == caller.name


def holds(condition: Condition, context: Context, policy: KeyPolicy) -> bool:
    """Whether a condition is true of a request's context, whose keys are in lower case."""
    test = operators.read(condition.operator)
    present = context.get(condition.key)
    if not test.known:
        return False
    if test.operator is None:
        absent = present is None or present == ()
        return any((value.lower() == "true") == absent for value in condition.values)
    if test.quantifier == "any":
        return any(_compare(test.operator, condition, value, context, policy) for value in _each(present))
    if test.quantifier == "all":
        return all(_compare(test.operator, condition, value, context, policy) for value in _each(present))
    if present is None:
        return test.if_exists or test.operator.negated
    # An operator without a set prefix does not match several values, whichever way round it asks.
    return isinstance(present, str) and _compare(test.operator, condition, present, context, policy)


def _each(present: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if present is None:
        return ()
    return (present,) if isinstance(present, str) else present


def _compare(
    operator: operators.Operator, condition: Condition, value: str, context: Context, policy: KeyPolicy
) -> bool:
    if not comparisons.is_readable(operator.family, value):
        return False
    matched = False
    for pattern in condition.values:
        filled = _fill(pattern, context, policy) if operator.variables is not False else wildcard.tokens(pattern)
        if filled is not None and operator.compare(filled, value):
            matched = True
            break
    return matched is not operator.negated


def _fill(pattern: str, context: Context, policy: KeyPolicy) -> tuple[str | wildcard.Wild, ...] | None:
    """The pattern with its variables filled in, or None where one has no value: then nothing equals it."""
    if "${" not in pattern or not policy.has_variables:
        return wildcard.tokens(pattern)
    filled: list[str | wildcard.Wild] = []
    for part in variables.parse(pattern):
        if isinstance(part, variables.Text):
            filled += wildcard.tokens(part.text) if part.wild else part.text
            continue
        value = context.get(part.key, part.default)
        if not isinstance(value, str):
            return None
        filled += value  # what a variable brings in is data: its own stars are only stars
    return tuple(filled)
