"""Equivalence classes: the few values of a condition key that the patterns of a policy can tell apart.

For a key, `texts` gives at least one value for every way in which its patterns can be true or false together, or says
that it cannot (`exact` is False), and then the search may still find an escape but proves nothing.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from kms_perimeter.policy import shapes
from kms_perimeter.policy.context_keys import Kind
from kms_perimeter.policy.shapes import Glob, Network, Nothing, Span, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kms_perimeter.policy.budget import Budget
    from kms_perimeter.policy.context_keys import ContextKey
    from kms_perimeter.policy.shapes import Shape

_HEX = frozenset("0123456789abcdef")
_DIGITS = frozenset("0123456789")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_SERVICE = _LOWER | {".", "_"}
_MANY = 1 << 30
_MOST_PRODUCT_STATES = 6000
_MOST_SUBSETS = 2048


@dataclass(frozen=True, slots=True)
class Domain:
    """What a value can look like: a prefix, then letters of one set, so many of them.

    Attributes:
        prefix: what each value starts with.
        letters: what the rest is made of; None for anything.
        lengths: how long the rest can be: the shortest and the longest.
        only: where given, the only lengths.
        samples: real-looking values, the simplest first.
    """

    prefix: str = ""
    letters: frozenset[str] | None = None
    lengths: tuple[int, int] = (0, _MANY)
    only: frozenset[int] | None = None
    samples: tuple[str, ...] = ()

    def accepts(self, value: str) -> bool:
        """Whether a request can carry this value."""
        rest = value[len(self.prefix) :]
        return (
            value.startswith(self.prefix)
            and self.fits(len(rest))
            and (self.letters is None or self.letters.issuperset(rest))
        )

    def fresh(self, taken: Iterable[str]) -> str:
        """A possible value that is none of those taken."""
        used = set(taken)
        for sample in self.samples:
            if sample not in used:
                return sample
        for number in range(len(used) + 1):
            made = self._numbered(number)
            if made not in used and self.accepts(made):
                return made
        return self.samples[0]

    def _numbered(self, number: int) -> str:
        if self.only:
            return f"{self.prefix}{number:0{max(self.only)}x}"
        if self.lengths[1] < _MANY:
            return f"{self.prefix}{number:0{self.lengths[0]}d}"
        name, dot, rest = self.samples[0].partition(".")
        return f"{name}{number}{dot}{rest}"

    def fits(self, length: int) -> bool:
        """Whether the rest can have this length."""
        return self.lengths[0] <= length <= self.lengths[1] and (self.only is None or length in self.only)


_IDS = (8, 17)
DOMAINS: dict[Kind, Domain] = {
    Kind.TEXT: Domain(samples=("anything", "something-else")),
    Kind.ARN: Domain(samples=("arn:aws:s3:::anything", "arn:aws:s3:::something-else")),
    Kind.BOOL: Domain(samples=("false", "true")),
    Kind.NUMBER: Domain(samples=("7",)),
    Kind.DATE: Domain(samples=("2026-06-01T12:00:00Z",)),
    Kind.IP: Domain(samples=("203.0.113.7", "198.51.100.23", "2001:db8::7")),
    Kind.VPCE: Domain("vpce-", _HEX, _IDS, frozenset(_IDS), ("vpce-0a1b2c3d4e5f60718", "vpce-0f1e2d3c4b5a69788")),
    Kind.VPC: Domain("vpc-", _HEX, _IDS, frozenset(_IDS), ("vpc-0a1b2c3d4e5f60718", "vpc-0f1e2d3c4b5a69788")),
    Kind.ACCOUNT: Domain("", _DIGITS, (12, 12), None, ("999988887777", "777766665555")),
    Kind.ORGANISATION: Domain("o-", _LOWER - {"-"}, (10, 32), None, ("o-a1b2c3d4e5", "o-z9y8x7w6v5")),
    Kind.SERVICE: Domain("", _SERVICE, (5, _MANY), None, ("s3.amazonaws.com", "athena.amazonaws.com")),
    Kind.REGIONAL_SERVICE: Domain(
        "", _SERVICE, (5, _MANY), None, ("s3.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com")
    ),
    Kind.REGION: Domain("", _LOWER, (1, 32), None, ("us-east-1", "eu-central-1")),
}


@dataclass(frozen=True, slots=True)
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
    if key and key.kind in (Kind.CHOICE, Kind.BOOL):
        return Texts(key.choices or DOMAINS[Kind.BOOL].samples, exact=True)
    domain = DOMAINS[key.kind if key else Kind.TEXT]
    return split(domain, made, budget, more, addresses=bool(key and key.kind is Kind.IP))


def split(
    domain: Domain,
    made: Sequence[Shape],
    budget: Budget,
    more: Iterable[str] = (),
    *,
    addresses: bool = False,
) -> Texts:
    """The values of a domain that the shapes can tell apart."""
    globs = [s for s in made if isinstance(s, Glob) and s.literal is None]
    literals: dict[str | None, None] = dict.fromkeys(s.literal for s in made if s.literal is not None)
    words = [word for word in literals if word is not None]
    candidates = [*domain.samples, *more, *words, *_samples(made), *_instances(globs, domain)]
    budget.spend(len(candidates))
    possible = [c for c in dict.fromkeys(candidates) if domain.accepts(c)]
    if literals.keys() >= set(possible):
        possible.append(_fresh_address(words) if addresses else domain.fresh(words))
    rest = [s for s in made if s.literal is None and not isinstance(s, Nothing)]
    budget.spend(len(possible) * (1 + len(rest)))
    kept, seen = _one_of_each(possible, literals, rest)
    mixed = bool(globs) and (len(globs) < len(rest) or addresses)
    if len(globs) == 0 or (len(globs) == 1 and len(seen) == 2):  # noqa: PLR2004  (matching and not)
        return Texts(tuple(kept), exact=not mixed and not (addresses and _odd(literals)))
    found, exact = _Product(domain, globs, filter(domain.accepts, words), budget).walk()
    kept, _ = _one_of_each([*kept, *found], literals, rest)
    return Texts(tuple(kept), exact=exact and not mixed)


def _fresh_address(taken: Sequence[str]) -> str:
    return next(address for n in range(1 << 16) if (address := f"203.0.{n >> 8}.{n & 255}") not in taken)


def _odd(literals: Iterable[str | None]) -> bool:
    """Whether an address is compared as text: ``::1`` and ``0:0::1`` are the same address and not the same text."""
    return any(literal is not None and ":" in literal for literal in literals)


def _one_of_each(
    candidates: Iterable[str], literals: dict[str | None, None], rest: Sequence[Shape]
) -> tuple[list[str], set[tuple[bool, ...]]]:
    """The first candidate of each class, every literal being a class of its own; and the classes without a literal."""
    kept: list[str] = []
    seen: set[tuple[bool, ...]] = set()
    for candidate in candidates:
        is_literal = candidate in literals
        vector = tuple(s.accepts(candidate) for s in rest)
        if is_literal or vector not in seen:
            kept.append(candidate)
        if not is_literal:
            seen.add(vector)
    return list(dict.fromkeys(kept)), seen


def _samples(made: Sequence[Shape]) -> Iterable[str]:
    """The values at, between and beyond the bounds of the shapes that are ranges."""
    spans = [s for s in made if isinstance(s, Span)]
    numbers = [s.bound for s in spans if not s.reads("2026-01-01")]
    dates = [s.bound for s in spans if s.reads("2026-01-01")]
    yield from map(shapes.write_number, shapes.around(numbers))
    yield from filter(None, map(shapes.write_date, shapes.around(dates)))
    for shape in made:
        if isinstance(shape, Network):
            yield from _edges(shape)
        elif isinstance(shape, Truth):
            yield from ("true", "false")
        elif isinstance(shape, Glob) and shape.literal is not None:
            yield from (shape.literal + "x", shape.literal.swapcase())


def _edges(network: Network) -> Iterable[str]:
    yield shapes.write_address(network.family, network.first)
    top = (1 << (32 if network.family == socket.AF_INET else 128)) - 1
    if network.last < top:
        yield shapes.write_address(network.family, network.last + 1)
    if network.first:
        yield shapes.write_address(network.family, 0)


def _instances(globs: Sequence[Glob], domain: Domain) -> Iterable[str]:
    """Values made from the patterns themselves: real-looking, and often all that is needed."""
    for glob in globs:
        sample = glob.sample
        yield from (sample, sample.lower(), sample.upper(), sample.swapcase(), sample + "x", sample + "0")
        if domain.prefix and domain.only:
            body = sample.removeprefix(domain.prefix)
            yield from (domain.prefix + body.ljust(n, "0") for n in sorted(domain.only, reverse=True))
            yield from (domain.prefix + body.rjust(n, "0") for n in sorted(domain.only, reverse=True))


class _Product:
    """All patterns read at once over the domain: which combinations of matching can some value reach?

    A node is what matters of what has been read: the state of each pattern, the length, and the text itself as long as
    it is the beginning of a literal. Literals are classes of their own, so a value is looked for that is none.
    """

    def __init__(self, domain: Domain, globs: Sequence[Glob], literals: Iterable[str], budget: Budget) -> None:
        self.domain = domain
        self.globs = globs
        self.literals = frozenset(literals)
        self.budget = budget
        self.next: dict[str, set[str]] = {}
        for literal in self.literals:
            budget.spend(len(literal))
            for end, letter in enumerate(literal):
                self.next.setdefault(literal[:end], set()).add(letter)

    def walk(self) -> tuple[list[str], bool]:
        """A value for each reachable combination, and whether all combinations were reached."""
        start = tuple(1 for _ in self.globs)
        for letter in self.domain.prefix:
            start = self._step(start, letter)
        queue = [(start, 0, self.domain.prefix)]
        visited = {self._node(*queue[0])}
        found: dict[tuple[bool, ...], str] = {}
        for states, length, word in queue:
            if self.domain.fits(length) and word not in self.literals:
                found.setdefault(tuple(bool(s & g.final) for s, g in zip(states, self.globs, strict=True)), word)
            if len(visited) > _MOST_PRODUCT_STATES:
                return list(found.values()), False
            for after in self._after(states, length, word):
                if (node := self._node(*after)) not in visited:
                    visited.add(node)
                    queue.append(after)
        return list(found.values()), True

    def _node(self, states: tuple[int, ...], length: int, word: str) -> tuple[object, ...]:
        return states, length, word if word in self.next or word in self.literals else None

    def _after(self, states: tuple[int, ...], length: int, word: str) -> Iterable[tuple[tuple[int, ...], int, str]]:
        longest = max(self.domain.only) if self.domain.only else self.domain.lengths[1]
        if length >= longest:
            return
        counted = min(length + 1, longest if longest < _MANY else self.domain.lengths[0])
        for letter in self._letters(states, word):
            yield self._step(states, letter), counted, word + letter

    def _step(self, states: tuple[int, ...], letter: str) -> tuple[int, ...]:
        self.budget.spend(len(states))
        return tuple(g.step(s, letter) if s else 0 for s, g in zip(states, self.globs, strict=True))

    def _letters(self, states: tuple[int, ...], word: str) -> list[str]:
        """The letters that patterns and literals look out for here, and one that none of them does."""
        special = set(self.next.get(word, ()))
        for state, glob in zip(states, self.globs, strict=True):
            if state:
                special |= glob.letters(state)
        allowed = self.domain.letters
        letters = sorted(special if allowed is None else special & allowed)
        plain = next((c for c in _plain(allowed) if c not in special), None)
        return [plain, *letters] if plain else letters


def _plain(allowed: frozenset[str] | None) -> Iterable[str]:
    """Letters to fill in with, the most ordinary first."""
    ordinary = "x0a1bcdefghijklmnopqrstuvwyzXABCDEFGHIJKLMNOPQRSTUVWYZ23456789-_.=+,@/ !#$%&'()*:;<>?[]^`{|}~\"\\"
    if allowed is None:
        yield from ordinary
        yield from map(chr, range(0xA1, 0x100))
    else:
        yield from (c for c in ordinary if c in allowed)


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
