"""A look into a record whose members may be of any type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kms_perimeter.cloudtrail.change import IgnoredReason

if TYPE_CHECKING:
    from collections.abc import Iterator


class Odd(Exception):
    """The record is to be ignored, for this reason."""

    def __init__(self, reason: IgnoredReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Record:
    """A record whose members may be of any type; asking for one says which type is expected."""

    def __init__(self, value: Mapping[str, Any], path: str = "") -> None:
        self._value = value
        self._path = path

    def text(self, name: str) -> str | None:
        """The string `name`, or None where it is absent, null or empty."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, str):
            self._refuse(name, "a string")
        return value or None

    def flag(self, name: str) -> bool:
        """Whether `name` is true; CloudTrail has also written the word."""
        return self._value.get(name) in (True, "true")

    def part(self, name: str) -> Record:
        """The object `name`; an empty one where it is absent or null."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, Mapping):
            self._refuse(name, "an object")
        return Record(value or {}, f"{self._path}{name}.")

    def parts(self, name: str) -> Iterator[Record]:
        """The objects of the list `name`; none where it is absent or null."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, list):
            self._refuse(name, "a list")
        for i, item in enumerate(value or ()):
            if not isinstance(item, Mapping):
                self._refuse(f"{name}[{i}]", "an object")
            yield Record(item, f"{self._path}{name}[{i}].")

    def _refuse(self, name: str, expected: str) -> None:
        raise Odd(IgnoredReason.UNREADABLE, f"`{self._path}{name}` is not {expected}")
