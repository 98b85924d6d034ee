"""SEMANTICS A.1 as a table: every operator, with its key present and matching, present and not, and absent."""

from __future__ import annotations

import json

import pytest

from kms_perimeter.policy import document, evaluator, operators
from kms_perimeter.policy.key import Key
from kms_perimeter.policy.request import Request

KEY = Key(account="111122223333", region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
ARN = "arn:aws:iam::111122223333:role/x"

# For each family: a value of the policy, one of a request that matches it, and one that does not.
SAMPLES = {
    "String": ("blue", "blue", "Blue"),
    "StringIgnoreCase": ("blue", "BLUE", "red"),
    "StringLike": ("b*e", "blue", "red"),
    "Arn": ("arn:aws:iam::*:role/x", ARN, "arn:aws:iam::111122223333:role/y"),
    "Bool": ("true", "TRUE", "false"),
    "Binary": ("YQ==", "YQ==", "Yg=="),
    "IpAddress": ("10.0.0.0/8", "10.1.2.3", "11.1.2.3"),
    "NumericEquals": ("5", "5.0", "6"),
    "NumericLessThan": ("5", "4.9", "5"),
    "NumericLessThanEquals": ("5", "5", "5.1"),
    "NumericGreaterThan": ("5", "5.1", "5"),
    "NumericGreaterThanEquals": ("5", "5", "4"),
    "DateEquals": ("2026-01-01T00:00:00Z", "1767225600", "2026-01-02"),
    "DateLessThan": ("2026-01-01", "2025-12-31T23:59:59Z", "2026-01-01"),
    "DateLessThanEquals": ("2026-01-01", "2026-01-01", "2026-01-02"),
    "DateGreaterThan": ("2026-01-01", "2026-01-02", "2026-01-01"),
    "DateGreaterThanEquals": ("2026-01-01", "2026-01-01", "2025-12-31"),
}


def holds(operator: str, pattern: str, value: str | tuple[str, ...] | None) -> bool:
    """Whether a condition on a tag of the caller holds for a request, by asking the evaluator."""
    condition = {operator: {"aws:PrincipalTag/t": pattern}}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": condition}
    policy = document.parse(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    context = {} if value is None else {"aws:PrincipalTag/t": value}
    return evaluator.evaluate(policy, Request(ARN, "kms:Decrypt", None, context), KEY).decision == evaluator.ALLOWED


@pytest.mark.parametrize("name", operators.OPERATORS)
def test_every_operator_by_the_table(name: str) -> None:
    """Present and matching, present and not, absent: plain, with `IfExists`, and with both set operators."""
    operator = operators.OPERATORS[name]
    pattern, match, other = SAMPLES[operator.family]
    positive = not operator.negated

    assert [holds(name, pattern, v) for v in (match, other, None)] == [positive, not positive, not positive]
    assert [holds(f"{name}IfExists", pattern, v) for v in (match, other, None)] == [positive, not positive, True]
    assert [holds(f"ForAllValues:{name}", pattern, v) for v in ((match,), (match, other), (), None)] == [
        positive,
        False,
        True,
        True,
    ]
    assert [holds(f"ForAnyValue:{name}", pattern, v) for v in ((match,), (match, other), (), None)] == [
        positive,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(("said", "present", "absent"), [("true", False, True), ("false", True, False)])
def test_null_asks_only_whether_the_key_is_there(said: str, *, present: bool, absent: bool) -> None:
    """`Null` is true of an absent key where it says so, and of a present one where it says the opposite."""
    assert holds("Null", said, "x") is present
    assert holds("Null", said, None) is absent


@pytest.mark.parametrize(
    ("written", "known", "exact"),
    [
        ("StringEquals", True, True),
        ("ForAnyValue:StringLikeIfExists", True, True),
        ("Null", True, True),
        ("ForAllValues:Null", True, True),
        ("stringequals", True, False),
        ("forallvalues:StringEquals", True, False),
        ("NullIfExists", False, False),
        ("StringMatches", False, False),
        ("ForEach:StringEquals", False, False),
    ],
)
def test_an_operator_is_read_as_it_is_written(written: str, *, known: bool, exact: bool) -> None:
    """Set prefix, name and suffix are told apart; another spelling is known but not settled."""
    read = operators.read(written)

    assert (read.known, read.exact) == (known, exact)
