"""Wildcards as the plain reader sees them: ``*`` is any run of characters, ``?`` any single one.

The evaluator and the action lists use this matcher. The search for escapes has its own (`automaton`),
so that a mistake in one is caught by the other.
"""

from __future__ import annotations


def matches(pattern: str, value: str) -> bool:
    """Whether `value` matches the glob `pattern`; linear for one star, never exponential.

    The loop only ever goes back to the last star: an earlier star can take no more than it needs, since whatever
    it gave up the later one can take.
    """
    at, star, resume = 0, -1, 0
    position, length = 0, len(pattern)
    while position < len(value):
        if at < length and pattern[at] == "*":
            star, resume, at = at, position, at + 1
        elif at < length and pattern[at] in ("?", value[position]):
            at, position = at + 1, position + 1
        elif star >= 0:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return all(rest == "*" for rest in pattern[at:])
