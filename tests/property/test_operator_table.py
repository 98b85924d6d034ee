"""The two columns of the operator table against each other: the evaluator's comparison and the search's shape.

They share no code. What is generated is what a policy and a request could hold and more: values of one family under
the operators of another, numbers and dates in every notation, text with stars, broken addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kms_perimeter.policy import comparisons, context_keys, evaluator, operators, wildcard
from kms_perimeter.policy.budget import Budget
from kms_perimeter.policy.classes import texts
from kms_perimeter.policy.document import Condition, KeyPolicy
from kms_perimeter.policy.truth import Truth, shapes_of
from tests.property.deep import DEEP

if TYPE_CHECKING:
    from kms_perimeter.policy.operators import Operator

TAG = "aws:PrincipalTag/t"
POLICY = KeyPolicy((), has_variables=True, raw={})
POOLS = {
    "text": ["", "a", "A", "b", "ab", "aB", "a*", "*", "?", "a?b", "**a", "ß", "SS", "İ", "k", "\u212a", "é", "É"],
    "arn": [
        "arn:aws:iam::111122223333:role/x",
        "arn:aws:iam::111122223333:role/a:b",
        "arn:aws:iam::*:role/*",
        "arn:*:iam::111122223333:role/x",
        "arn:aws:iam:*111122223333:role/x",
        "arn:*",
        "*:*:*:*:*:*",
        "arn:aws:s3:::?",
        "arn:aws:s3:::b",
        "a:b:c:d:e",
        "a:b:c:d:e:f:g",
        "::::::",
    ],
    "bool": ["true", "false", "TRUE", "True", "yes", "1", "true "],
    "number": ["0", "5", "5.0", "+5", "-5", "5.", ".5", "5e1", "50", "5E-1", "1e400", "1e400000", "0x5", "5 ", "\u0665",
               "1_0", "NaN", "Infinity", "1e", "e1", "--1", "4.999", "9" * 40],
    "date": ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "1767225600", "1767225600.5",
             "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.0000001Z", "2026-01", "2026", "2026-01-01T00:00Z",
             "2026-13-01", "2026-02-30", "2026-01-01T25:00:00Z", "2026-01-01 00:00:00", "20260101", "2026-W01-1",
             "2026-01-01T00:00:00", "2026-01-01t00:00:00z", "2026-01-01T00:00.5Z", "2026-01-01T00:00:00+99:00",
             "0001-01-01", "9999-12-31T23:59:59Z", "-62135596801", "253402300800"],
    "address": ["10.0.0.0/8", "10.1.2.3", "10.0.0.0", "10.255.255.255", "11.0.0.0", "0.0.0.0/0", "10.0.0.1/8",
                "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/255.0.0.0", "10.0.0",
                "010.0.0.1", "::/0", "2001:db8::/32", "2001:db8::1",
                "2001:DB8:0::1", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.0/08", "10.0.0.0/8 ", "1.2.3.4.5"],
}  # fmt: skip
LETTERS = st.text("ab:*?/.01-+eETZ", max_size=8)
values = st.one_of(*(st.sampled_from(pool) for pool in POOLS.values()), LETTERS)
every_operator = pytest.mark.parametrize("name", operators.OPERATORS)
runs = settings(max_examples=30 * DEEP, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
more_runs = settings(runs, max_examples=150 * DEEP)


def near(operator: Operator) -> st.SearchStrategy[str]:
    """Values that the operator is meant for, more often than others."""
    family = next((f for f in ("Numeric", "Date", "Ip", "Arn", "Bool") if operator.family.startswith(f)), "")
    pool = {"Numeric": "number", "Date": "date", "Ip": "address", "Arn": "arn", "Bool": "bool"}.get(family, "text")
    return st.one_of(st.sampled_from(POOLS[pool]), values)


def compared(operator: Operator, pattern: str, value: str, *, data: bool = False) -> bool:
    """What the evaluator's column says of one value of the request and one of the policy."""
    tokens = tuple(pattern) if data else wildcard.tokens(pattern)
    return comparisons.is_readable(operator.family, value) and operator.compare(tokens, value)


@pytest.mark.parametrize("filled_in", [False, True], ids=["as written", "filled in"])
@every_operator
@runs
@given(data=st.data())
def test_a_shape_has_the_values_that_the_comparison_accepts(name: str, data: st.DataObject, *, filled_in: bool) -> None:
    """The search's set of texts for a value of a policy holds exactly those that the evaluator takes as matching.

    In a value that a variable brings in, a star matches a star and nothing else, for both.
    """
    operator = operators.OPERATORS[name]
    pattern, value = data.draw(near(operator)), data.draw(near(operator))

    shape = operator.shape([(pattern, not filled_in)])

    assert shape.accepts(value) == compared(operator, pattern, value, data=filled_in)
    assert shape.literal is None or shape.accepts(shape.literal)


@pytest.mark.parametrize("suffix", ["", "IfExists"])
@pytest.mark.parametrize("prefix", ["", "ForAllValues:", "ForAnyValue:"])
@every_operator
@runs
@given(data=st.data())
def test_what_the_search_is_certain_of_the_evaluator_says(
    name: str, prefix: str, suffix: str, data: st.DataObject
) -> None:
    """In every form of every operator: certainly true is true, and not even possibly true is false."""
    near_by = near(operators.OPERATORS[name])
    said = st.one_of(st.none(), near_by, st.lists(near_by, max_size=3).map(tuple))
    condition = Condition(
        f"{prefix}{name}{suffix}", TAG.lower(), TAG, tuple(data.draw(st.lists(near_by, min_size=1, max_size=3)))
    )
    value = data.draw(said)
    context = {} if value is None else {condition.key: value}

    when = Truth(condition, has_variables=True)
    certain, possible = when.of({condition.key: value})
    holds = evaluator.holds(condition, context, POLICY)

    assert holds or not certain
    assert possible or not holds
    assert certain == possible or when.note is not None


@more_runs
@given(data=st.data())
def test_whatever_a_value_makes_true_some_class_makes_true(data: st.DataObject) -> None:
    """For conditions of one or of many families on one key: no value does what none of the classes does."""
    names = data.draw(st.lists(st.sampled_from(sorted(operators.OPERATORS)), min_size=1, max_size=4))
    conditions = [
        Condition(n, TAG.lower(), TAG, tuple(data.draw(st.lists(near(operators.OPERATORS[n]), min_size=1, max_size=2))))
        for n in names
    ]
    sent = data.draw(st.lists(st.one_of(*(near(operators.OPERATORS[n]) for n in names)), min_size=8, max_size=8))
    made = [shape for c in conditions for shape in shapes_of(c, has_variables=True)]

    found = texts(context_keys.find(TAG.lower()), made, Budget(10**6))

    def does(value: str) -> tuple[bool, ...]:
        return tuple(evaluator.holds(c, {c.key: value}, POLICY) for c in conditions)

    done = {does(value) for value in found.values}
    assert not found.exact or [value for value in sent if does(value) not in done] == []
