"""How an alert is laid out: one letter, as plain text for e-mail and as Block Kit for Slack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kms_perimeter.mrkdwn import BLOCKS_CHARACTERS


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a letter.

    Attributes:
        heading: a few words.
        lines: the text, one paragraph or item each.
        code: whether the lines are code, such as a diff, and must keep their spacing.
    """

    heading: str
    lines: tuple[str, ...]
    code: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """What there is to say.

    Attributes:
        title: what matters most.
        parts: in the order in which somebody on call needs them.
        more_blocks: for Slack alone, below the parts, such as buttons.
        room: the characters that Slack's blocks may have together.
    """

    title: str
    parts: tuple[Part, ...]
    more_blocks: tuple[dict[str, Any], ...] = ()
    room: int = BLOCKS_CHARACTERS

    @property
    def text(self) -> str:
        """The letter as plain text."""
        parts = ("\n".join([part.heading, *(_indented(part))]) for part in self._told)
        return "\n\n".join([printable(self.title), *parts]) + "\n"

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The letter as Slack's blocks, cut where Slack would refuse it."""
        from kms_perimeter import block_kit  # noqa: PLC0415 - it takes its time, and most runs have nothing to tell

        parts = ((part.heading, part.lines, part.code) for part in self._told)
        told = [block_kit.header(printable(self.title)), *block_kit.sections(parts, self.room)]
        return [*told[: block_kit.MOST_BLOCKS - len(self.more_blocks)], *self.more_blocks]

    @property
    def _told(self) -> list[Part]:
        return [replace(part, lines=tuple(map(printable, part.lines))) for part in self.parts if part.lines]


def printable(text: str) -> str:
    """The text on one line and in its own direction.

    A Sid or the value of a condition may hold any character: none must turn what stands beside it, or begin a line that
    reads as if the guard had written it.
    """
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _indented(part: Part) -> tuple[str, ...]:
    return tuple(f"  {line}" if line else "" for line in part.lines)
