"""Wildcards as the plain reader sees them: ``*`` is any run of characters, ``?`` any single one.

The evaluator and the action lists use this matcher. The search for escapes has its own (`shapes`), so that a mistake
in one is caught by the other.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Wild(Enum):
    """The two wildcards, apart from the characters that spell them: data put in for a variable may hold a ``*``."""

    RUN = "*"
    ONE = "?"


_WILD = {wild.value: wild for wild in Wild}


@lru_cache(maxsize=4096)
def tokens(pattern: str) -> tuple[str | Wild, ...]:
    """The characters of a pattern, its wildcards told apart."""
    return tuple(_WILD.get(character, character) for character in pattern)


def matches(pattern: str, value: str) -> bool:
    """Whether `value` matches the glob `pattern`."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == value
    if "?" not in pattern and pattern.find("*") == len(pattern) - 1:
        return value.startswith(pattern[:-1])
    return tokens_match(tokens(pattern), value)


def tokens_match(pattern: Sequence[str | Wild], value: str) -> bool:
    """Whether `value` matches; the time grows with the product of the lengths at worst, never exponentially.

    The loop only ever goes back to the last star: an earlier star can take no more than it needs, since whatever
    it gave up the later one can take.
    """
    at, star, resume = 0, -1, 0
    position, length = 0, len(pattern)
    while position < len(value):
        token = pattern[at] if at < length else None
        if token is Wild.RUN:
            star, resume, at = at, position, at + 1
        elif token is Wild.ONE or token == value[position]:
            at, position = at + 1, position + 1
        elif star >= 0:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return all(rest is Wild.RUN for rest in pattern[at:])
