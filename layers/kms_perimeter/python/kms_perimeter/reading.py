"""Reading a document that a person wrote, so that whatever is wrong with it is refused with its exact place.

`parse` turns JSON text into plain values; `Place` walks them, remembering where it is. Nothing here knows what the
document is about: a perimeter file and a request for `evaluate` are both read with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Mapping
    from enum import StrEnum

    from kms_perimeter.errors import InvalidInput

    Choice = TypeVar("Choice", bound=StrEnum)

_SHOWN = 80


class Members(dict[str, Any]):
    """A JSON object that has not forgotten the names that were given twice."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self.repeated: list[str] = []
        for name, value in pairs:
            if name in self:
                self.repeated.append(name)
            self[name] = value


def parse(text: str, error: type[InvalidInput]) -> Any:  # noqa: ANN401 - JSON can hold anything; Place narrows it
    """The value that a JSON text holds; each object in it is a `Members`.

    Raises:
        InvalidInput: as `error`, with line and column where the text is no JSON.
    """

    def refuse_constant(name: str) -> NoReturn:
        raise error(f"`{name}` is not JSON")

    try:
        return json.loads(text, object_pairs_hook=Members, parse_constant=refuse_constant)
    except json.JSONDecodeError as cause:
        message = f"not JSON: {cause.msg[0].lower()}{cause.msg[1:]}"
        raise error(message, line=cause.lineno, column=cause.colno) from None
    except RecursionError:
        raise error("nested too deep to be read") from None
    except ValueError as cause:  # a number of more digits than Python converts
        raise error(f"not usable as JSON: {str(cause).split(';', 1)[0].lower()}") from None


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a document, and where it stands.

    Attributes:
        value: the value itself.
        error: the class of error that `refuse` raises.
        path: such as ``perimeters[0].rules``; empty for the whole document.
        lines: line and column of each path, for a document whose reader knows them.
    """

    value: Any
    error: type[InvalidInput]
    path: str = ""
    lines: Mapping[str, tuple[int, int]] | None = None

    def refuse(self, message: str) -> NoReturn:
        """Raise the document's error for this place."""
        line, column = (self.lines or {}).get(self.path, (None, None))
        raise self.error(message, path=self.path, line=line, column=column)

    def members(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Place]:
        """The members of this object, each with its own place; refuses unknown, repeated and missing ones."""
        given = self.mapping()
        for name in given:
            if name not in known:
                given[name].refuse(f"unknown member{suggestion(name, known)}")
        for name in required:
            if name not in given:
                self.refuse(f"lacks `{name}`")
        return given

    def mapping(self) -> dict[str, Place]:
        """The members of this object, whatever they are called; refuses a name given twice."""
        if not isinstance(self.value, dict):
            self.refuse(f"must be an object, not {_kind(self.value)}")
        for name in getattr(self.value, "repeated", ()):
            self._below(name, None).refuse("given twice")
        return {name: self._below(name, value) for name, value in self.value.items()}

    def items(self) -> list[Place]:
        """The items of this list, each with its own place."""
        if not isinstance(self.value, list):
            self.refuse(f"must be a list, not {_kind(self.value)}")
        return [replace(self, value=value, path=f"{self.path}[{i}]") for i, value in enumerate(self.value)]

    def text(self) -> str:
        """This string; refuses one with nothing in it."""
        if not isinstance(self.value, str):
            self.refuse(f"must be a string, not {_kind(self.value)}")
        if not self.value.strip():
            self.refuse("must not be empty")
        return self.value

    def flag(self) -> bool:
        """This `true` or `false`."""
        if not isinstance(self.value, bool):
            self.refuse(f"must be true or false, not {_kind(self.value)}")
        return self.value

    def like(self, pattern: re.Pattern[str], description: str) -> str:
        """This string, which must match `pattern` as a whole; `description` says what it then is."""
        text = self.text()
        if not pattern.fullmatch(text):
            self.refuse(f"{shown(text)} is not {description}")
        return text

    def choice(self, choices: type[Choice]) -> Choice:
        """This string as one of the fixed words of `choices`."""
        text = self.text()
        words = [word.value for word in choices]
        if text not in words:
            self.refuse(f"{shown(text)} is none of {', '.join(f'`{word}`' for word in words)}{suggestion(text, words)}")
        return choices(text)

    def _below(self, name: str, value: Any) -> Place:  # noqa: ANN401 - as `value`
        return replace(self, value=value, path=f"{self.path}.{name}" if self.path else name)


def shown(text: str) -> str:
    """What a person wrote, in backticks, cut where it would fill the screen."""
    return f"`{text}`" if len(text) <= _SHOWN else f"`{text[:_SHOWN]}…`"


def suggestion(word: str, known: Iterable[str]) -> str:
    """``; did you mean `…`?`` where a known word is close, else nothing."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return next(
        (name for kind, name in names.items() if isinstance(value, kind)), "null" if value is None else "a date"
    )
