"""Putting statements into a policy's text so that every other statement stays as it is, byte for byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy import jsontext

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DECODER = json.JSONDecoder()


def replace(text: str, ours: Callable[[dict[str, Any]], bool], put: Sequence[dict[str, Any]]) -> str:
    """The policy with the statements that are `ours` taken out and those of `put` added at the end.

    Args:
        text: a well-formed key policy.
        ours: tells our own statements from everybody else's.
        put: the statements to add.
    """
    start = jsontext.offsets(text)["Statement"]
    _, end = _DECODER.raw_decode(text, start)
    statements = [piece for piece in _statements(text, start, end) if not ours(json.loads(piece))]
    statements += [_indented(statement) for statement in put]
    return text[:start] + "[\n    " + ",\n    ".join(statements) + "\n  ]" + text[end:]


def _statements(text: str, start: int, end: int) -> list[str]:
    if text[start] == "{":
        return [text[start:end]]
    known = jsontext.offsets(text)
    found: list[str] = []
    while (path := f"Statement[{len(found)}]") in known:
        _, stop = _DECODER.raw_decode(text, known[path])
        found.append(text[known[path] : stop])
    return found


def _indented(statement: dict[str, Any]) -> str:
    return json.dumps(statement, indent=2, ensure_ascii=False).replace("\n", "\n    ")
