"""Where iam-simulate 0.1.173 is known to be wrong, by the shape of the policy and the request.

A difference from our evaluator is forgiven only if one of these shapes is there; it is then counted under its name, so
that a run says how much was forgiven. Everything else fails.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from kms_perimeter.policy.operations import BY_LOWER_NAME, NOT_ALLOWED_BY_KEY_POLICY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kms_perimeter.policy.request import Request

VARIABLE = re.compile(r"\$\{([^}*?$,]+)(,[^}]*)?\}")


class Test(NamedTuple):
    """One operator on one key: the base of its name without prefix and IfExists, the key, and the policy's values."""

    operator: str
    key: str
    values: list[str]
    present: list[str]


def tests_of(policy: dict[str, Any], request: Request) -> Iterator[Test]:
    """Every condition of the policy, beside what the request has for it."""
    context = {key.lower(): value for key, value in request.context.items()}
    for statement in policy["Statement"]:
        for operator, tested in statement.get("Condition", {}).items():
            for key, values in tested.items():
                present = context.get(key.lower(), ())
                base = operator.rpartition(":")[2].removesuffix("IfExists")
                yield Test(base, key.lower(), _texts(values), [present] if isinstance(present, str) else list(present))


def _texts(values: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in _listed(values)]


def _listed(values: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return values if isinstance(values, list) else [values]


def _without_version(policy: dict[str, Any], _: Request) -> bool:
    """It fills in variables whatever the Version; they exist with 2012-10-17 alone."""
    return policy.get("Version") != "2012-10-17" and "${" in str(policy["Statement"])


def _null_under_negation(policy: dict[str, Any], request: Request) -> bool:
    """It takes a variable without a value as differing from nothing; a negated operator matches null."""
    return any("Not" in test.operator and _unresolved(test.values, request) for test in tests_of(policy, request))


def _unresolved(values: list[str], request: Request) -> bool:
    context = {key.lower(): value for key, value in request.context.items()}
    return any(
        not isinstance(context.get(name.strip().lower()), str) and not default
        for value in values
        for name, default in VARIABLE.findall(value)
    )


def _other_family(policy: dict[str, Any], request: Request) -> bool:
    """It takes a bare address for a client of the other family as no answer, not as a difference."""
    addresses = [t for t in tests_of(policy, request) if "IpAddress" in t.operator]
    return any(t.present and _families([v for v in t.values if "/" not in v]) - _families(t.present) for t in addresses)


def _families(addresses: list[str]) -> set[int]:
    return {network.version for network in map(_network, addresses) if network}


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _everything_v4(policy: dict[str, Any], request: Request) -> bool:
    """It reads a network of prefix 0 as the one address 0.0.0.0."""
    addresses = [t for t in tests_of(policy, request) if "IpAddress" in t.operator]
    return any(n.prefixlen == 0 for test in addresses for n in map(_network, test.values) if n)


def _epoch(policy: dict[str, Any], request: Request) -> bool:
    """It reads epoch seconds as milliseconds."""
    dates = [t for t in tests_of(policy, request) if t.operator.startswith("Date")]
    return any(re.fullmatch(r"-?[0-9.]+", v) for test in dates for v in test.values + test.present)


def _exponent(policy: dict[str, Any], request: Request) -> bool:
    """It does not read numbers with an exponent."""
    numbers = [t for t in tests_of(policy, request) if t.operator.startswith("Numeric")]
    return any("e" in v.lower() for test in numbers for v in test.values + test.present)


def _no_resource(policy: dict[str, Any], _: Request) -> bool:
    """It applies a statement without Resource; in a key policy such a statement has no effect."""
    return any("Resource" not in s and "NotResource" not in s for s in policy["Statement"])


def _odd_bool(policy: dict[str, Any], request: Request) -> bool:
    """It gives Bool with a value that is no boolean no meaning; AWS takes it as false."""
    bools = [t for t in tests_of(policy, request) if t.operator == "Bool"]
    return any(v.lower() not in ("true", "false") for test in bools for v in test.values + test.present)


def _encryption_context(policy: dict[str, Any], request: Request) -> bool:
    """It drops kms:EncryptionContext:name from every request, as if no operation had it."""
    return any(t.key.startswith("kms:encryptioncontext:") and t.present for t in tests_of(policy, request))


def _short_arn(policy: dict[str, Any], request: Request) -> bool:
    """A pattern of fewer than six fields: not settled (SEMANTICS A.3 [OPEN]); it takes it as no answer either way."""
    arns = [t for t in tests_of(policy, request) if t.operator.startswith("Arn")]
    return any(v.count(":") < 5 for test in arns for v in test.values + test.present)


def _not_effective(_: dict[str, Any], request: Request) -> bool:
    """It lets a key policy allow what KMS does not: RetireGrant, and most operations to another account."""
    operation = BY_LOWER_NAME.get(request.action.lower())
    if operation is None or operation.name in NOT_ALLOWED_BY_KEY_POLICY:
        return True
    owner = str(request.resource).split(":")[4]
    return not operation.cross_account and request.principal.startswith("arn:") and owner not in request.principal


KNOWN: dict[str, Callable[[dict[str, Any], Request], bool]] = {
    "variables without Version 2012-10-17": _without_version,
    "an unresolved variable under a negated operator": _null_under_negation,
    "a bare address against a client of the other family": _other_family,
    "a network of prefix 0": _everything_v4,
    "epoch dates": _epoch,
    "numbers with an exponent": _exponent,
    "a statement without Resource": _no_resource,
    "Bool with a value that is no boolean": _odd_bool,
    "an encryption context": _encryption_context,
    "an operation that a key policy cannot allow to this caller": _not_effective,
    "an ARN pattern of fewer than six fields": _short_arn,
}


def name_of(policy: dict[str, Any], request: Request) -> str | None:
    """The first known error whose shape is there, or None."""
    return next((name for name, has_shape in KNOWN.items() if has_shape(policy, request)), None)
