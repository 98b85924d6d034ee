"""What an examination finds: a light, what was seen, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Light(IntEnum):
    """How well it is; the value is the exit status of `doctor`, and of several the highest counts."""

    GREEN = 0
    YELLOW = 1
    RED = 3

    @property
    def word(self) -> str:
        """The colour as a word."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Sign:
    """One finding.

    Attributes:
        about: a fixed word: ``trail``, ``networks``, ``rule`` and so on.
        light: how well it is.
        told: what was seen, a clause for a person.
        todo: what to do about it; empty where it is green.
    """

    about: str
    light: Light
    told: str
    todo: str = ""

    def to_json(self) -> dict[str, str | None]:
        """The sign as ``--format json`` prints it."""
        return {"about": self.about, "light": self.light.word, "told": self.told, "todo": self.todo or None}


def green(about: str, told: str) -> Sign:
    """All is well."""
    return Sign(about, Light.GREEN, told)


def yellow(about: str, told: str, todo: str) -> Sign:
    """It may be well, but somebody should look."""
    return Sign(about, Light.YELLOW, told, todo)


def red(about: str, told: str, todo: str) -> Sign:
    """The service is blind, deaf or powerless in this."""
    return Sign(about, Light.RED, told, todo)
