"""Putting statements into a policy's text so that every other statement stays as it is, byte for byte."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def statements(text: str) -> list[dict[str, Any]]:
    """The statements of a well-formed key policy, as plain values."""
    return [json.loads(piece) for piece in _pieces(text, *_bounds(text))]


def replace(text: str, ours: Callable[[dict[str, Any]], bool], put: Sequence[dict[str, Any]]) -> str:
    """The policy with the statements that are `ours` in the text replaced by those of `put`.

    A statement of `put` takes the place of one of ours with the same Sid, and is added at the end where there is none.
    Where nothing changes, the text is the same.

    Args:
        text: a well-formed key policy.
        ours: tells our own statements from everybody else's.
        put: the statements to put; their Sids are unique.
    """
    start, end = _bounds(text)
    waiting = {statement["Sid"]: statement for statement in put}
    before = _pieces(text, start, end)
    after: list[str] = []
    for piece in before:
        statement = json.loads(piece)
        if not ours(statement):
            after.append(piece)
        elif (new := waiting.pop(statement.get("Sid"), None)) is not None:
            after.append(piece if statement == new else _indented(new))
    after += [_indented(statement) for statement in waiting.values()]
    if after == before:
        return text
    return text[:start] + "[\n    " + ",\n    ".join(after) + "\n  ]" + text[end:]


def _bounds(text: str) -> tuple[int, int]:
    """Where the value of `Statement` starts and ends; a member's name may be written with escapes."""
    place = _after(text, 0, "{")
    while True:
        name, place = _DECODER.raw_decode(text, _skip(text, place))
        start = _after(text, place, ":")
        _, end = _DECODER.raw_decode(text, start)
        if name == "Statement":
            return start, end
        place = _after(text, end, ",")


def _pieces(text: str, start: int, end: int) -> list[str]:
    """The text of each statement."""
    if text[start] == "{":
        return [text[start:end]]
    found: list[str] = []
    place = _skip(text, start + 1)
    while text[place] != "]":
        _, stop = _DECODER.raw_decode(text, place)
        found.append(text[place:stop])
        place = _skip(text, stop)
        place = _skip(text, place + 1) if text[place] == "," else place
    return found


def _skip(text: str, place: int) -> int:
    """The next place that is no white space of JSON."""
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _after(text: str, place: int, mark: str) -> int:
    """The place of what comes after a mark."""
    place = _skip(text, place)
    assert text[place] == mark  # noqa: S101  (INVARIANT: the policy is well formed)
    return _skip(text, place + 1)


def _indented(statement: dict[str, Any]) -> str:
    return json.dumps(statement, indent=2, ensure_ascii=False).replace("\n", "\n    ")
