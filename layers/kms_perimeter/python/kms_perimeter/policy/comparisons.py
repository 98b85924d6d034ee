"""How the evaluator compares one value of a request with one value of a policy, by family of operators.

Each function takes the pattern as the tokens of `wildcard`, with variables already filled in, and the value as text.
Source: *IAM JSON policy elements: Condition operators* in the IAM User Guide.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy.wildcard import Wild, tokens_match

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Tokens = Sequence[str | Wild]
    Comparison = Callable[[Tokens, str], bool]

_ARN_FIELDS = 6
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,10})?\Z")
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
# The profile of ISO 8601 by the W3C, to which AWS's documents refer, the zone left out as well as written.
_MOMENT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}(-[0-9]{2})?)"
    r"(T(?P<time>[0-9]{2}:[0-9]{2}(:[0-9]{2})?)(?P<fraction>\.[0-9]+)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?\Z"
)
_LENGTH_OF_DAY = len("2026-01-31")
_BLOCK = re.compile(r"[0-9a-fA-F.:]+(/[0-9]{1,3})?\Z")


def text(pattern: Tokens) -> str:
    """The pattern as it was written, for the operators that know no wildcards."""
    return "".join(token.value if isinstance(token, Wild) else token for token in pattern)


def equals(pattern: Tokens, value: str) -> bool:
    """`StringEquals`, `BinaryEquals`: the same characters; ``*`` is only a star."""
    return text(pattern) == value


def equals_ignoring_case(pattern: Tokens, value: str) -> bool:
    """`StringEqualsIgnoreCase`."""
    return text(pattern).lower() == value.lower()


def like(pattern: Tokens, value: str) -> bool:
    """`StringLike`: wildcards anywhere, case-sensitive."""
    return tokens_match(pattern, value)


def arn_like(pattern: Tokens, value: str) -> bool:
    """`ArnLike` and `ArnEquals`: six fields, each matched on its own; fewer fields never match."""
    fields = value.split(":", _ARN_FIELDS - 1)
    patterns = _split(pattern)
    return len(fields) == len(patterns) == _ARN_FIELDS and all(
        tokens_match(p, f) for p, f in zip(patterns, fields, strict=True)
    )


def _split(pattern: Tokens) -> list[list[str | Wild]]:
    fields: list[list[str | Wild]] = [[]]
    for letter in pattern:
        if letter == ":" and len(fields) < _ARN_FIELDS:
            fields.append([])
        else:
            fields[-1].append(letter)
    return fields


def same_truth(pattern: Tokens, value: str) -> bool:
    """`Bool`: ``true`` in any case against anything else."""
    return (text(pattern).lower() == "true") == (value.lower() == "true")


def in_network(pattern: Tokens, value: str) -> bool:
    """`IpAddress`: the address is in the network; an IPv4 network holds no IPv6 address, nor the reverse."""
    import ipaddress  # noqa: PLC0415  (slow to import, and few policies need it)

    written = text(pattern)
    if not _BLOCK.match(written) or "%" in value:
        return False  # neither masks in full nor the zone of an address are documented for IAM
    try:
        address = ipaddress.ip_address(value)
        network = ipaddress.ip_network(written, strict=False)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _ordered(read: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Comparison:
    def holds(pattern: Tokens, value: str) -> bool:
        left, right = read(value), read(text(pattern))
        return left is not None and right is not None and compare(left, right)

    return holds


def number(written: str) -> Decimal | None:
    """A number as IAM reads it, exactly; None where it is none."""
    if not _NUMBER.match(written):
        return None
    try:
        return Decimal(written)
    except InvalidOperation:
        return None


def instant(written: str) -> Decimal | None:
    """Seconds since 1970 of a date in ISO 8601, or of a number of seconds; None where it is neither.

    Without a zone it is UTC. The fraction is kept exactly, whatever its length.
    """
    if _SECONDS.match(written):
        return Decimal(written)
    found = _MOMENT.match(written)
    if not found:
        return None
    day, time, fraction, zone = found.group("day", "time", "fraction", "zone")
    if fraction and time.count(":") < 2:  # noqa: PLR2004  (a fraction of a minute is no date)
        return None
    day = day if len(day) == _LENGTH_OF_DAY else f"{day}-01"
    try:
        read = datetime.fromisoformat(f"{day}T{time or '00:00'}{zone or 'Z'}")
    except ValueError:
        return None
    return Decimal(int(read.timestamp())) + Decimal(fraction or 0)


COMPARISONS: dict[str, Comparison] = {
    "String": equals,
    "StringIgnoreCase": equals_ignoring_case,
    "StringLike": like,
    "Arn": arn_like,
    "Bool": same_truth,
    "Binary": equals,
    "IpAddress": in_network,
}
for _name, _compare in {
    "Equals": eq,
    "LessThan": lt,
    "LessThanEquals": le,
    "GreaterThan": gt,
    "GreaterThanEquals": ge,
}.items():
    COMPARISONS[f"Numeric{_name}"] = _ordered(number, _compare)
    COMPARISONS[f"Date{_name}"] = _ordered(instant, _compare)


def is_readable(family: str, value: str) -> bool:
    """Whether a value of the request can be compared at all; an unreadable number is unequal to nothing."""
    if family.startswith("Numeric"):
        return number(value) is not None
    return not family.startswith("Date") or instant(value) is not None
