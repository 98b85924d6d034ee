"""Equivalence classes: the few values of a condition key that the patterns of a policy can tell apart.

For a key, `texts` gives at least one value for every way in which its patterns can be true or false together, or says
that it cannot (`exact` is False), and then the search may still find an escape but proves nothing.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from kms_perimeter.policy import domains, samples, shapes
from kms_perimeter.policy.product import Product
from kms_perimeter.policy.record import record
from kms_perimeter.policy.shapes import Glob, Nothing, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kms_perimeter.policy.budget import Budget
    from kms_perimeter.policy.context_keys import ContextKey
    from kms_perimeter.policy.domains import Domain
    from kms_perimeter.policy.shapes import Shape

_MOST_SUBSETS = 2048


@record
class Texts:
    """Values, at least one for each class, the simplest first."""

    values: tuple[str, ...]
    exact: bool


def texts(key: ContextKey | None, made: Sequence[Shape], budget: Budget, more: Iterable[str] = ()) -> Texts:
    """The single values of a key that the shapes can tell apart.

    Args:
        key: the key; None for one that is not known.
        made: every shape that some condition compares the key with.
        budget: what the taking apart may cost.
        more: values to have among them, if they are possible.
    """
    domain = domains.of(key)
    return Texts(domain.samples, exact=True) if domain.closed else split(domain, made, budget, more)


def split(domain: Domain, made: Sequence[Shape], budget: Budget, more: Iterable[str] = ()) -> Texts:
    """The values of a domain that the shapes can tell apart.

    A value that is compared as a whole is a class of its own. The others are told apart by what the rest of the shapes
    says of them, and by whether they can be read at all as the numbers or dates that they are compared with.
    """
    literals: dict[str | None, None] = dict.fromkeys(s.literal for s in made if s.literal is not None)
    rest = [s for s in made if s.literal is None]
    families = {s.family for s in rest if s.family} | ({domain.family} - {"text"})
    words = [word for word in literals if word is not None]
    if not families:
        return _words(domain, words, budget)
    told: list[Shape] = [s for s in rest if not isinstance(s, Nothing)]
    told += [shapes.Readable(family) for family in sorted(families & shapes.READERS.keys())]
    candidates = [*domain.samples, *more, *words, *samples.of(made, domain, budget)]
    budget.spend(len(candidates))
    possible = [c for c in dict.fromkeys(candidates) if domain.accepts(c)]
    possible.append(domain.fresh(words))
    budget.spend(len(possible) * (1 + len(told)))
    kept, seen = _one_of_each(possible, literals, told)
    # The samples have one of each class of numbers, of dates or of addresses, the product one of each class of text;
    # nothing has one of each class where a value is looked at in two of these ways.
    exact = len(families) <= 1 and not (domain.family == "address" and _odd(literals))
    globs = _globs(rest)
    if len(globs) == 0 or (len(globs) == 1 and len(seen) == 2):  # noqa: PLR2004  (matching and not)
        return Texts(tuple(kept), exact)
    found, complete = Product(domain, globs, filter(domain.accepts, words), budget).walk()
    kept, _ = _one_of_each([*kept, *filter(domain.accepts, found)], literals, told)
    return Texts(tuple(kept), exact and complete)


def _words(domain: Domain, words: Sequence[str], budget: Budget) -> Texts:
    """The values where all that is compared is whole values: each of them, and one that is none of them."""
    budget.spend(len(words))
    free = domain.free(words)  # None only if these words are all that the domain has
    other = () if free is None else (free,)
    return Texts(tuple(dict.fromkeys([*other, *filter(domain.accepts, words)])), exact=True)


def _globs(rest: Sequence[Shape]) -> list[Glob]:
    """The patterns to be read side by side; that a value says ``true`` is a pattern as well."""
    globs = [s for s in rest if isinstance(s, Glob)]
    truths = [s.yes for s in rest if isinstance(s, Truth)]
    return [*globs, *truths[:1]]


def _odd(literals: Iterable[str | None]) -> bool:
    """Whether an address is compared as text: ``::1`` and ``0:0::1`` are the same address and not the same text."""
    return any(literal is not None and ":" in literal for literal in literals)


def _one_of_each(
    candidates: Iterable[str], literals: dict[str | None, None], told: Sequence[Shape]
) -> tuple[list[str], set[tuple[bool, ...]]]:
    """The first candidate of each class, every literal being a class of its own; and the classes without a literal."""
    kept: list[str] = []
    seen: set[tuple[bool, ...]] = set()
    for candidate in candidates:
        is_literal = candidate in literals
        vector = tuple(s.accepts(candidate) for s in told)
        if is_literal or vector not in seen:
            kept.append(candidate)
        if not is_literal:
            seen.add(vector)
    return list(dict.fromkeys(kept)), seen


def sets(values: Sequence[str], conditions: int) -> tuple[list[tuple[str, ...]], bool]:
    """The sets of values that so many conditions can tell apart: each condition turns on one member at the most.

    Returns:
        The sets, the empty one among them, and whether they are all that is needed.
    """
    most = min(len(values), max(conditions, 1))
    made: list[tuple[str, ...]] = []
    for size in range(1, most + 1):
        for chosen in combinations(values, size):
            made.append(chosen)
            if len(made) > _MOST_SUBSETS:
                return [*made, ()], False
    return [*made, ()], True
