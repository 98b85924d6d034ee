"""The solver against brute force."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kms_perimeter.policy.budget import BoundReached, Budget
from kms_perimeter.policy.solver import solve

VARIABLES, CLASSES = 4, 3
masks = st.integers(0, 2**CLASSES - 1)
domains = st.lists(masks, min_size=VARIABLES, max_size=VARIABLES)
clauses = st.lists(st.lists(st.tuples(st.integers(0, VARIABLES - 1), masks), max_size=3), max_size=8)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(domains, clauses)
def test_finds_a_choice_exactly_where_there_is_one(allowed: list[int], wanted: list[list[tuple[int, int]]]) -> None:
    """A choice is found if and only if trying them all finds one, and then it is one."""
    choices = product(*([1 << n for n in range(CLASSES) if mask >> n & 1] for mask in allowed))
    exists = any(_holds(choice, wanted) for choice in choices)

    found = solve(allowed.copy(), wanted, Budget(10**6))

    assert (found is not None) == exists
    assert found is None or (_holds(found, wanted) and all(f & d == f for f, d in zip(found, allowed, strict=True)))


def _holds(choice: list[int] | tuple[int, ...], wanted: list[list[tuple[int, int]]]) -> bool:
    return all(any(choice[variable] & mask for variable, mask in clause) for clause in wanted)


def test_the_simplest_classes_are_taken_first() -> None:
    """Lower bits are the simpler classes, so a witness has few condition keys."""
    assert solve([0b111, 0b110], [], Budget(100)) == [0b001, 0b010]


def test_stops_at_its_bound() -> None:
    """Steps that are used up end the search with an exception, never with an answer."""
    with pytest.raises(BoundReached):
        solve([3, 3], [[(0, 1), (1, 1)]], Budget(0))
