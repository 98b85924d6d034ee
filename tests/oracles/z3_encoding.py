"""The same question put to z3: is there an outside request that this policy lets through?

An encoding of a part of the language as formulas: each condition key is a Boolean, whether the request has it, and a
value, which is a string, a number, or an address as a number; a key of many values is a few strings, each there or not.
Strings, Bool, Null, numbers, dates, addresses and ARNs of callers are in it, with IfExists and the set prefixes; so are
service principals and grants. It shares nothing with our search but the meaning that AWS documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import reduce
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

import z3  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.perimeter import Perimeter

    Z = Any  # z3 has no types

OURS, STRANGER = "111122223333", "999988887777"
PEOPLE = tuple(
    f"arn:aws:iam::{account}:{name}"
    for account in (OURS, STRANGER)  # the second stands for every other account
    for name in ("role/App", "role/any", "user/any", "root")
)
SERVICES = ("logs.us-east-1.amazonaws.com", "any-service.amazonaws.com")
CALLERS = (*PEOPLE, *SERVICES)
OF_OURS = len(PEOPLE) // 2
TEXTS = ("aws:PrincipalTag/team", "aws:UserAgent", "kms:EncryptionContext:AppName")  # absent, or the caller's choice
NUMBERS = ("aws:MultiFactorAuthAge", "aws:CurrentTime")
STRINGS = ("aws:SourceVpce", "aws:SourceVpc", "aws:ViaAWSService", "kms:ViaService", "kms:CallerAccount",
           "aws:MultiFactorAuthPresent", "aws:PrincipalArn", *TEXTS)  # fmt: skip
LISTS = ("aws:TagKeys", "aws:PrincipalOrgPaths")
OF_PEOPLE = ("aws:principaltag/team", "aws:multifactorauthage", "aws:multifactorauthpresent", "aws:principalorgpaths")
VIA = [f"{name}.{region}.amazonaws.com" for name in ("s3", "rds") for region in ("us-east-1", "eu-west-1")]
MEMBERS = 4  # three conditions turn on three members at the most
MILLISECONDS = 5_000


@dataclass(frozen=True, slots=True)
class Var:
    """A condition key of the unknown request: whether it is there, and its value or its values."""

    present: Z
    value: Z
    members: tuple[tuple[Z, Z], ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """The unknown request: its keys by lower-case name, and who sends it, by place in `CALLERS`."""

    keys: dict[str, Var]
    caller: Z

    @property
    def is_service(self) -> Z:
        """Whether a service asks for itself."""
        return self.caller >= len(PEOPLE)


def escaping(policy: dict[str, Any], perimeter: Perimeter, operations: Iterable[str]) -> set[tuple[str, bool]] | None:
    """The operations that get through from outside, each with whether only by a grant; None where z3 gives up."""
    asked: dict[tuple[object, ...], bool | None] = {}

    def is_possible(operation: str, *, by_grant: bool) -> bool | None:
        touched = tuple(_covers(statement, operation) for statement in policy["Statement"])
        if (touched, by_grant) not in asked:
            asked[touched, by_grant] = _solve(policy, perimeter, touched, operation, by_grant=by_grant)
        return asked[touched, by_grant]

    found: set[tuple[str, bool]] = set()
    for operation in operations:
        direct = is_possible(operation, by_grant=False)
        use = is_possible(operation, by_grant=True)
        gift = use and _solve(policy, perimeter, _touched(policy, CREATE_GRANT), CREATE_GRANT, by_grant=False)
        if None in (direct, use, gift):
            return None
        found |= {(operation, False)} if direct else {(operation, True)} if gift else set()
    return found


CREATE_GRANT = "kms:CreateGrant"


def _touched(policy: dict[str, Any], operation: str) -> tuple[bool, ...]:
    return tuple(_covers(statement, operation) for statement in policy["Statement"])


def _covers(statement: dict[str, Any], operation: str) -> bool:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return any(fnmatchcase(operation.lower(), action.lower()) for action in actions)


def _solve(
    policy: dict[str, Any], perimeter: Perimeter, touched: tuple[bool, ...], operation: str, *, by_grant: bool
) -> bool | None:
    """Whether a request gets through; by a grant, whether a direct one of a person is stopped by no Deny."""
    one = _unknown()
    solver = z3.Solver()
    solver.set("timeout", MILLISECONDS)
    solver.add(_possible(one), _outside(one, perimeter))
    applying = [
        (statement["Effect"], z3.And(_names(statement, one.caller), _holds(statement.get("Condition", {}), one)))
        for statement, is_touched in zip(policy["Statement"], touched, strict=True)
        if is_touched
    ]
    if by_grant:
        solver.add(z3.Not(one.is_service), one.keys["aws:viaawsservice"].value == "false")
    else:
        solver.add(z3.Or([applies for effect, applies in applying if effect == "Allow"]))
    if operation == CREATE_GRANT:
        solver.add(z3.Not(one.is_service))  # a service that makes a grant makes it for itself
    solver.add(z3.Not(z3.Or([applies for effect, applies in applying if effect == "Deny"])))
    answer = solver.check()
    return None if answer == z3.unknown else bool(answer == z3.sat)


def _unknown() -> Unknown:
    keys = {name.lower(): Var(z3.Bool(f"has {name}"), z3.String(name)) for name in STRINGS}
    keys |= {name.lower(): Var(z3.Bool(f"has {name}"), z3.Real(name)) for name in NUMBERS}
    keys["aws:sourceip"] = Var(z3.Bool("has aws:SourceIp"), z3.Int("aws:SourceIp"))
    for name in LISTS:
        members = tuple((z3.Bool(f"has {name} {n}"), z3.String(f"{name} {n}")) for n in range(MEMBERS))
        keys[name.lower()] = Var(z3.Or([there for there, _ in members]), None, members)
    return Unknown(keys, z3.Int("caller"))


def _names(statement: dict[str, Any], caller: Z) -> Z:
    """A star is everybody; an account's number or one of its callers is just that; and so is a service."""
    principal = statement["Principal"]
    kind, named = next(iter(principal.items())) if isinstance(principal, dict) else ("AWS", "*")
    if kind == "Service":
        return caller == CALLERS.index(named)
    return z3.Or([caller == i for i, text in enumerate(CALLERS) if named in ("*", text) or f"::{named}:" in text])


def _possible(one: Unknown) -> Z:
    """One origin: the internet, an endpoint, a service for the caller or for itself; and the keys that follow."""
    keys, caller = one.keys, one.caller
    vpce, vpc, address = (keys[name] for name in ("aws:sourcevpce", "aws:sourcevpc", "aws:sourceip"))
    service, via, account = (keys[name] for name in ("kms:viaservice", "aws:viaawsservice", "kms:calleraccount"))
    behalf = via.value == "true"
    return z3.And(
        caller >= 0,
        caller < len(CALLERS),
        vpce.present == vpc.present,
        z3.Implies(vpce.present, z3.And(z3.Not(behalf), z3.Not(address.present), z3.Not(one.is_service))),
        z3.Or(vpce.present, address.present, behalf, one.is_service),
        z3.Implies(service.present, behalf),
        z3.Implies(one.is_service, z3.And(z3.Not(behalf), *(z3.Not(keys[name].present) for name in OF_PEOPLE))),
        z3.InRe(vpce.value, _identifier("vpce-")),
        z3.InRe(vpc.value, _identifier("vpc-")),
        z3.Or([service.value == name for name in VIA]),
        z3.Or(behalf, via.value == "false"),
        z3.And([keys[name].present for name in ("aws:viaawsservice", "kms:calleraccount", "aws:principalarn")]),
        keys["aws:currenttime"].present,
        address.value >= 0 - 1,  # below all addresses: one of the other family
        address.value < 2**32,
        z3.InRe(account.value, z3.Plus(z3.Range("0", "9"))),
        (account.value == OURS) == (caller < OF_OURS),
        z3.Or([keys["aws:multifactorauthpresent"].value == text for text in ("true", "false")]),
        *(z3.Length(keys[name.lower()].value) > 0 for name in TEXTS),
        *(z3.PrefixOf("o-", value) for _, value in keys["aws:principalorgpaths"].members),
    )


def _outside(one: Unknown, perimeter: Perimeter) -> Z:
    [rule] = perimeter.rules
    vpce, vpc = one.keys["aws:sourcevpce"], one.keys["aws:sourcevpc"]
    inside = [z3.And(vpce.present, vpce.value == value) for value in rule.vpc_endpoints]
    inside += [z3.And(vpc.present, vpc.value == value) for value in rule.vpcs]
    if perimeter.aws_services == "trusted":
        inside.append(z3.And(one.keys["aws:viaawsservice"].value == "true", one.caller < OF_OURS))
        inside.append(one.is_service)
    return z3.Not(z3.Or(inside))


def _holds(condition: dict[str, dict[str, Any]], one: Unknown) -> Z:
    return z3.And(
        [
            _test(operator, name.lower(), values if isinstance(values, list) else [values], one)
            for operator, tested in condition.items()
            for name, values in tested.items()
        ]
    )


def _test(operator: str, name: str, values: list[str], one: Unknown) -> Z:
    key = one.keys[name]
    if name == "aws:tagkeys":
        key = Var(z3.BoolVal(val=False), None)  # none of the operations that are asked about has it
    if operator == "Null":
        return z3.Or([z3.Not(key.present) if value == "true" else key.present for value in values])
    prefix, _, base = operator.rpartition(":")
    base, if_exists = base.removesuffix("IfExists"), base.endswith("IfExists")
    negated = "Not" in base

    def compared(value: Z) -> Z:
        equal = z3.Or([_equal(base, value, wanted, one) for wanted in values])
        return z3.Not(equal) if negated else equal

    if key.value is None:
        each = [(there, compared(value)) for there, value in key.members]
        return (
            z3.And([z3.Implies(there, true) for there, true in each])
            if prefix == "ForAllValues"
            else z3.Or([z3.And(there, true) for there, true in each])
        )
    absent = {"ForAllValues": True, "ForAnyValue": False}.get(prefix, if_exists or negated)
    return z3.If(key.present, compared(key.value), z3.BoolVal(absent))


COMPARED = {
    "Equals": lambda a, b: a == b,
    "NotEquals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEquals": lambda a, b: a >= b,
}


def _equal(base: str, value: Z, wanted: str, one: Unknown) -> Z:
    if base == "Bool":
        return (value == "true") if wanted.lower() == "true" else value != "true"
    if base.startswith("Numeric"):
        return COMPARED[base.removeprefix("Numeric")](value, z3.RealVal(wanted))
    if base.startswith("Date"):
        return COMPARED[base.removeprefix("Date")](value, z3.RealVal(int(datetime.fromisoformat(wanted).timestamp())))
    if base in ("IpAddress", "NotIpAddress"):
        network = IPv4Network(wanted)
        return z3.And(value >= int(network[0]), value <= int(IPv4Address(network[-1])))
    if base.startswith("Arn"):
        return z3.Or([one.caller == i for i, arn in enumerate(PEOPLE) if _is_like(wanted, arn)])
    return z3.InRe(value, _pattern(wanted)) if base.endswith("Like") else value == z3.StringVal(wanted)


def _is_like(pattern: str, arn: str) -> bool:
    """Six fields, each on its own."""
    fields = zip(pattern.split(":", 5), arn.split(":", 5), strict=True)
    return all(fnmatchcase(field, wanted) for wanted, field in fields)


def _pattern(text: str) -> Z:
    """The strings that a pattern with ``*`` and ``?`` matches."""
    anything = z3.AllChar(z3.ReSort(z3.StringSort()))
    parts = [z3.Star(anything) if c == "*" else anything if c == "?" else z3.Re(c) for c in text]
    return reduce(z3.Concat, parts) if parts else z3.Re("")


def _identifier(prefix: str) -> Z:
    """IDs of any length: that real ones have 8 or 17 digits tells no patterns of ours apart, and costs z3 seconds."""
    return z3.Concat(z3.Re(prefix), z3.Plus(z3.Union(z3.Range("0", "9"), z3.Range("a", "f"))))
