"""Places in a JSON text: which line and column each value starts at.

The standard parser is fast but forgets places, so this second, slower reading runs only when somebody has to be told
where something stands.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(r'[ \t\r\n]*(?:("(?:[^"\\]|\\.)*")|([{}\[\],:])|([^\s{}\[\],:"]+))', re.DOTALL)


class Place(NamedTuple):
    """A 1-based line and column."""

    line: int
    column: int


class _Level:
    """An open object or array of the text, and which of its members comes next."""

    __slots__ = ("index", "is_array", "key", "path")

    def __init__(self, path: str, *, is_array: bool) -> None:
        self.path = path
        self.is_array = is_array
        self.index = 0
        self.key: str | None = None

    def child(self) -> str:
        if self.is_array:
            return f"{self.path}[{self.index}]"
        return f"{self.path}.{self.key}" if self.path else str(self.key)


def place_at(text: str, offset: int) -> Place:
    """The line and column of a character offset."""
    return Place(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def offsets(text: str) -> dict[str, int]:
    """The offset of every value of a JSON text by its path, such as ``Statement[1].Effect``.

    The text need not be valid: reading stops where it makes no sense. Of duplicate keys the last one counts.
    """
    found: dict[str, int] = {}
    stack: list[_Level] = []
    for token in _TOKEN.finditer(text):
        string, mark, _ = token.groups()
        start = token.start(token.lastindex or 0)
        top = stack[-1] if stack else None
        if mark in ("}", "]"):
            if not stack:
                break
            stack.pop()
        elif mark == ",":
            _next_member(top)
        elif mark == ":":
            continue
        elif string and top and not top.is_array and top.key is None:
            top.key = string[1:-1]
        else:
            path = top.child() if top else ""
            found[path] = start
            if mark:
                stack.append(_Level(path, is_array=mark == "["))
    return found


def _next_member(top: _Level | None) -> None:
    if top:
        top.index += 1
        top.key = None


def place_of(text: str, path: str) -> Place | None:
    """Where the value at `path` starts, or the nearest value around it that exists."""
    known = offsets(text)
    while path and path not in known:
        path = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]+)$", "", path) if re.search(r"[.\[]", path) else ""
    return place_at(text, known[path]) if path in known else None
