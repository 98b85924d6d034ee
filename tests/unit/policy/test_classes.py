"""Classes against brute force: whatever some value of a key can make true together, one of the classes does too."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from kms_perimeter.policy import shapes
from kms_perimeter.policy.budget import Budget
from kms_perimeter.policy.classes import split
from kms_perimeter.policy.domains import Domain
from kms_perimeter.policy.wildcard import matches

LETTERS = "abx"
MOST_LETTERS = 4
WORDS = ["".join(letters) for n in range(MOST_LETTERS + 1) for letters in product(LETTERS, repeat=n)]
SHORT = Domain("", frozenset(LETTERS), (0, MOST_LETTERS), None, ("x", "a"))

patterns = st.lists(st.text("ab*?", min_size=1, max_size=4), max_size=3, unique=True)
literals = st.lists(st.sampled_from(WORDS), max_size=4, unique=True)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(patterns, literals)
def test_every_combination_that_some_word_reaches_has_a_class(globs: list[str], words: list[str]) -> None:
    """Each literal is a class of its own, and of all other words each combination of patterns is there."""
    made = [shapes.glob([(pattern, True)]) for pattern in globs] + [shapes.word([(word, False)]) for word in words]

    found = split(SHORT, made, Budget(10**6))

    def kind(word: str) -> tuple[object, ...]:
        return (word if word in words else None, *(matches(pattern, word) for pattern in globs))

    # A pattern without a wildcard is a literal too, and then only its being equal counts.
    assert found.exact
    assert {kind(word) for word in WORDS} <= {kind(value) for value in found.values}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text("ab:*?", max_size=8), st.text("ab:", max_size=8))
def test_both_matchers_read_a_pattern_alike(pattern: str, value: str) -> None:
    """The evaluator's matcher and the search's, written apart, agree on every pattern."""
    assert shapes.glob([(pattern, True)]).accepts(value) == matches(pattern, value)


def test_there_is_a_word_beside_the_plainest_ones() -> None:
    """Where a policy names just the words that stand for all others, another one is found to stand for them."""
    made = [shapes.word([(word, False)]) for word in ("x", "a")]

    assert set(split(SHORT, made, Budget(10**6)).values) - {"x", "a"}


def test_of_a_domain_that_is_named_as_a_whole_nothing_is_left() -> None:
    """Two letters make six words of at most two letters; a policy that names all of them leaves none."""
    tiny = Domain("", frozenset("ab"), (1, 2), None, ("a",))
    words = ["a", "b", "aa", "ab", "ba", "bb"]

    found = split(tiny, [shapes.word([(word, False)]) for word in words], Budget(10**6))

    assert (sorted(found.values), found.exact) == (sorted(words), True)


def test_a_literal_does_not_stand_for_the_words_beside_it() -> None:
    """Where the plainest word of a class is a literal, another one is found for the class."""
    made = [shapes.glob([("a*", True)]), shapes.glob([("*b", True)]), shapes.word([("ab", False)])]

    values = split(SHORT, made, Budget(10**6)).values

    assert any(value.startswith("a") and value.endswith("b") and value != "ab" for value in values)
