"""The same question put to z3: is there an outside request that this policy lets through?

An encoding of a part of the language (strings, Bool, Null, IfExists and the set prefixes on single-valued keys) as
formulas over strings: each condition key is a Boolean, whether the request has it, and a string. It shares nothing with
our search but the meaning that AWS documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import reduce
from typing import TYPE_CHECKING, Any

import z3  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.perimeter import Perimeter

OURS, STRANGER = "111122223333", "999988887777"
CALLERS = (f"arn:aws:iam::{OURS}:role/App", f"arn:aws:iam::{OURS}:role/any", f"arn:aws:iam::{STRANGER}:role/any")
# The last of them stands for every caller of every other account.
FREE = ("aws:PrincipalTag/team", "aws:UserAgent", "kms:EncryptionContext:AppName")  # absent, or the caller's choice
KEYS = (
    "aws:SourceVpce",
    "aws:SourceVpc",
    "aws:SourceIp",
    "aws:ViaAWSService",
    "kms:ViaService",
    "kms:CallerAccount",
    "aws:MultiFactorAuthPresent",
    *FREE,
)
SERVICES = [f"{name}.{region}.amazonaws.com" for name in ("s3", "rds") for region in ("us-east-1", "eu-west-1")]
MILLISECONDS = 5_000


@dataclass(frozen=True, slots=True)
class Var:
    """A condition key of the unknown request: whether it is there, and its value."""

    present: Any
    value: Any


def escaping(policy: dict[str, Any], perimeter: Perimeter, operations: Iterable[str]) -> set[str] | None:
    """The operations that some outside request gets through the policy itself, or None where z3 gives up."""
    found: dict[tuple[bool, ...], bool] = {}
    got_through: set[str] = set()
    for operation in operations:
        touched = tuple(_covers(statement, operation) for statement in policy["Statement"])
        if touched not in found:
            answer = _solve(policy, perimeter, touched)
            if answer is None:
                return None
            found[touched] = answer
        got_through |= {operation} if found[touched] else set()
    return got_through


def _covers(statement: dict[str, Any], operation: str) -> bool:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return any(fnmatchcase(operation.lower(), action.lower()) for action in actions)


def _solve(policy: dict[str, Any], perimeter: Perimeter, touched: tuple[bool, ...]) -> bool | None:
    keys = {name.lower(): Var(z3.Bool(f"has {name}"), z3.String(name)) for name in KEYS}
    caller = z3.Int("caller")
    solver = z3.Solver()
    solver.set("timeout", MILLISECONDS)
    solver.add(_possible(keys, caller), _outside(keys, caller, perimeter))
    applying = [
        (statement["Effect"], z3.And(_names(statement, caller), _holds(statement.get("Condition", {}), keys)))
        for statement, is_touched in zip(policy["Statement"], touched, strict=True)
        if is_touched
    ]
    solver.add(z3.Or([applies for effect, applies in applying if effect == "Allow"]))
    solver.add(z3.Not(z3.Or([applies for effect, applies in applying if effect == "Deny"])))
    answer = solver.check()
    return None if answer == z3.unknown else bool(answer == z3.sat)


def _names(statement: dict[str, Any], caller: Any) -> Any:  # noqa: ANN401 - z3 has no types
    named = statement["Principal"]["AWS"] if isinstance(statement["Principal"], dict) else "*"
    matching = [i for i, arn in enumerate(CALLERS) if named in ("*", arn, arn.split(":")[4])]
    return z3.Or([caller == i for i in matching])


def _possible(keys: dict[str, Var], caller: Any) -> Any:  # noqa: ANN401 - z3 has no types
    """One origin: the internet, an endpoint, or a service for the caller; and the keys that follow from it."""
    vpce, vpc, address = (keys[name] for name in ("aws:sourcevpce", "aws:sourcevpc", "aws:sourceip"))
    service, via, account = (keys[name] for name in ("kms:viaservice", "aws:viaawsservice", "kms:calleraccount"))
    behalf = via.value == "true"
    return z3.And(
        caller >= 0,
        caller < len(CALLERS),
        vpce.present == vpc.present,
        z3.Implies(vpce.present, z3.And(z3.Not(behalf), z3.Not(address.present))),
        z3.Or(vpce.present, address.present, behalf),
        z3.Implies(service.present, behalf),
        z3.InRe(vpce.value, _identifier("vpce-")),
        z3.InRe(vpc.value, _identifier("vpc-")),
        z3.Or([service.value == name for name in SERVICES]),
        via.present,
        z3.Or(behalf, via.value == "false"),
        account.present,
        z3.InRe(account.value, z3.Plus(z3.Range("0", "9"))),
        (account.value == OURS) == (caller < len(CALLERS) - 1),
        z3.Or([keys["aws:multifactorauthpresent"].value == text for text in ("true", "false")]),
        *(z3.Length(keys[name.lower()].value) > 0 for name in FREE),
    )


def _outside(keys: dict[str, Var], caller: Any, perimeter: Perimeter) -> Any:  # noqa: ANN401 - z3 has no types
    [rule] = perimeter.rules
    vpce, vpc = keys["aws:sourcevpce"], keys["aws:sourcevpc"]
    inside = [z3.And(vpce.present, vpce.value == value) for value in rule.vpc_endpoints]
    inside += [z3.And(vpc.present, vpc.value == value) for value in rule.vpcs]
    if perimeter.aws_services == "trusted":
        inside.append(z3.And(keys["aws:viaawsservice"].value == "true", caller < len(CALLERS) - 1))
    return z3.Not(z3.Or(inside))


def _holds(condition: dict[str, dict[str, Any]], keys: dict[str, Var]) -> Any:  # noqa: ANN401 - z3 has no types
    tests = [
        _test(operator, keys[name.lower()], values if isinstance(values, list) else [values])
        for operator, tested in condition.items()
        for name, values in tested.items()
    ]
    return z3.And(tests)


def _test(operator: str, key: Var, values: list[str]) -> Any:  # noqa: ANN401 - z3 has no types
    if operator == "Null":
        return z3.Or([z3.Not(key.present) if value == "true" else key.present for value in values])
    prefix, _, base = operator.rpartition(":")
    base, if_exists = base.removesuffix("IfExists"), base.endswith("IfExists")
    negated = "Not" in base
    equal = z3.Or([_equal(base, key.value, value) for value in values])
    compared = z3.Not(equal) if negated else equal
    absent = {"ForAllValues": True, "ForAnyValue": False}.get(prefix, if_exists or negated)
    return z3.If(key.present, compared, z3.BoolVal(absent))


def _equal(base: str, value: Any, wanted: str) -> Any:  # noqa: ANN401 - z3 has no types
    if base == "Bool":
        return (value == "true") if wanted.lower() == "true" else value != "true"
    return z3.InRe(value, _pattern(wanted)) if base.endswith("Like") else value == z3.StringVal(wanted)


def _pattern(text: str) -> Any:  # noqa: ANN401 - z3 has no types
    """The strings that a pattern with ``*`` and ``?`` matches."""
    anything = z3.AllChar(z3.ReSort(z3.StringSort()))
    parts = [z3.Star(anything) if c == "*" else anything if c == "?" else z3.Re(c) for c in text]
    return reduce(z3.Concat, parts) if parts else z3.Re("")


def _identifier(prefix: str) -> Any:  # noqa: ANN401 - z3 has no types
    """IDs of any length: that real ones have 8 or 17 digits tells no patterns of ours apart, and costs z3 seconds."""
    return z3.Concat(z3.Re(prefix), z3.Plus(z3.Union(z3.Range("0", "9"), z3.Range("a", "f"))))
