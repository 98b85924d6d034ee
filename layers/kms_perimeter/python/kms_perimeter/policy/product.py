"""Patterns read side by side: which combinations of matching some value reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy.domains import MANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kms_perimeter.policy.budget import Budget
    from kms_perimeter.policy.domains import Domain
    from kms_perimeter.policy.shapes import Glob

_MOST_PRODUCT_STATES = 6000


class Product:
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
        counted = min(length + 1, longest if longest < MANY else self.domain.lengths[0])
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
