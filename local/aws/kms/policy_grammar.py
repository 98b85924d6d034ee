"""What is a policy at all ([IAM guide] Grammar of the IAM JSON policy language; [KMS guide] Elements in a key policy).

[API reference] PutKeyPolicy: "If either of the required Resource or Action elements are missing from a key policy
statement, the policy statement has no effect … the PutKeyPolicy API request succeeds". So they may be missing here.

Not known, and let through: whether KMS looks at the names of actions, of condition keys, at the form of a condition's
values, and which service principals it knows.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_TOP = frozenset({"Version", "Id", "Statement"})
_STATEMENT = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)
_VERSIONS = ("2012-10-17", "2008-10-17")
_EXCLUSIVE = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn:[^\s]+")
_COMPARISONS = (
    *("String" + kind for kind in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase")),
    *("String" + kind for kind in ("Like", "NotLike")),
    *("Numeric" + kind for kind in ("Equals", "NotEquals", "LessThan", "LessThanEquals")),
    *("Numeric" + kind for kind in ("GreaterThan", "GreaterThanEquals")),
    *("Date" + kind for kind in ("Equals", "NotEquals", "LessThan", "LessThanEquals")),
    *("Date" + kind for kind in ("GreaterThan", "GreaterThanEquals")),
    *("Arn" + kind for kind in ("Equals", "NotEquals", "Like", "NotLike")),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
)
_OPERATOR = re.compile(rf"(?:ForAllValues:|ForAnyValue:)?(?:(?:{'|'.join(_COMPARISONS)})(?:IfExists)?|Null)")


class MalformedError(Exception):
    """The text is no key policy; the message says where and why."""


def read_policy(text: str) -> dict[str, Any]:
    """Parse a key policy and hold it against the grammar.

    Raises:
        MalformedError: It is not JSON, repeats an element, has an unknown element, effect or operator, a wrong type,
            no statement, or a statement that names nobody.
    """
    try:
        policy = json.loads(text, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"This policy contains invalid Json: {error}") from error
    _demand(isinstance(policy, dict), "Syntax errors in policy: it must be an object.")
    _check_top(policy)
    for statement in statements_of(policy):
        _check_statement(statement)
    return dict(policy)


def statements_of(policy: dict[str, Any]) -> list[Any]:
    """The statements, also of a policy with only one that is in no list."""
    found = policy["Statement"]
    return found if isinstance(found, list) else [found]


def values_of(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    """The values, also of an element with only one that is in no list."""
    return value if isinstance(value, list) else [value]


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated = {name for name in names if names.count(name) > 1}
    _demand(not repeated, f"Syntax errors in policy: repeated {', '.join(sorted(repeated))}.")
    return dict(pairs)


def _check_top(policy: dict[str, Any]) -> None:
    _demand(set(policy) <= _TOP, f"Syntax errors in policy: unknown element {_others(policy, _TOP)}.")
    _demand(policy.get("Version", _VERSIONS[1]) in _VERSIONS, "Syntax errors in policy: unknown Version.")
    _demand(isinstance(policy.get("Id", ""), str), "Syntax errors in policy: Id must be a string.")
    statements = policy.get("Statement")
    _demand(isinstance(statements, list | dict) and bool(statements), "Syntax errors in policy: no Statement.")
    sids = [statement.get("Sid") for statement in statements_of(policy) if isinstance(statement, dict)]
    named = [sid for sid in sids if sid]
    _demand(len(named) == len({str(sid) for sid in named}), "Statement IDs (SID) in a single policy must be unique.")


def _check_statement(statement: Any) -> None:  # noqa: ANN401 - any JSON
    _demand(isinstance(statement, dict), "Syntax errors in policy: a Statement must be an object.")
    _demand(set(statement) <= _STATEMENT, f"Syntax errors in policy: unknown {_others(statement, _STATEMENT)}.")
    _demand(isinstance(statement.get("Sid", ""), str), "Syntax errors in policy: Sid must be a string.")
    _demand(statement.get("Effect") in ("Allow", "Deny"), "Syntax errors in policy: Effect must be Allow or Deny.")
    for one, other in _EXCLUSIVE:
        _demand(not (one in statement and other in statement), f"Syntax errors in policy: both {one} and {other}.")
    _demand("Principal" in statement or "NotPrincipal" in statement, "Policy contains a statement without a principal.")
    for name in ("Action", "NotAction"):
        _check_strings(statement, name, _ACTION)
    for name in ("Resource", "NotResource"):
        _check_strings(statement, name, _RESOURCE)
    _check_condition(statement.get("Condition", {}))


def _check_strings(statement: dict[str, Any], name: str, form: re.Pattern[str]) -> None:
    for value in values_of(statement.get(name, [])):
        sound = isinstance(value, str) and form.fullmatch(value)
        _demand(bool(sound), f"Policy contains a statement with one or more invalid {name} values.")


def _check_condition(condition: Any) -> None:  # noqa: ANN401 - any JSON
    _demand(isinstance(condition, dict), "Syntax errors in policy: Condition must be an object.")
    for operator, keys in condition.items():
        _demand(bool(_OPERATOR.fullmatch(operator)), f"Invalid Condition type : {operator}.")
        _demand(isinstance(keys, dict), f"Syntax errors in policy: {operator} must be an object.")
        _demand(all(_is_scalar(value) for value in _condition_values(keys)), f"Invalid value in {operator}.")


def _condition_values(keys: dict[str, Any]) -> Iterator[Any]:
    for value in keys.values():
        yield from values_of(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _others(found: dict[str, Any], known: frozenset[str]) -> str:
    return ", ".join(sorted(set(found) - known))


def _demand(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the sentence follows at every call
    if not holds:
        raise MalformedError(otherwise)
