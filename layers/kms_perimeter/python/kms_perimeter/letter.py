"""How an alert is laid out: one letter, as plain text for e-mail and as Block Kit for Slack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
    """

    title: str
    parts: tuple[Part, ...]
    more_blocks: tuple[dict[str, Any], ...] = ()

    @property
    def text(self) -> str:
        """The letter as plain text."""
        parts = ("\n".join([part.heading, *(_indented(part))]) for part in self.parts if part.lines)
        return "\n\n".join([self.title, *parts]) + "\n"

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The letter as Slack's blocks, cut where Slack would refuse it."""
        from kms_perimeter import block_kit  # noqa: PLC0415 - it takes its time, and most runs have nothing to tell

        sections = [block_kit.section(part.heading, part.lines, code=part.code) for part in self.parts if part.lines]
        room = block_kit.MOST_BLOCKS - len(self.more_blocks)
        return [*[block_kit.header(self.title), *sections][:room], *self.more_blocks]


def _indented(part: Part) -> tuple[str, ...]:
    return tuple(f"  {line}" if line else "" for line in part.lines)
