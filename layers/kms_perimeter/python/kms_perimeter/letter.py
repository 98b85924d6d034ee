"""How an alert is laid out: one letter, as plain text for e-mail and as Block Kit for Slack.

Limits: *Block Kit reference* by Slack (50 blocks, 3,000 characters in a section's text, 150 in a header).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BLOCKS = 50
SECTION_CHARACTERS = 3000
HEADER_CHARACTERS = 150


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
    """What there is to say: a title, and parts in the order in which somebody on call needs them."""

    title: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The letter as plain text."""
        parts = ("\n".join([part.heading, *(_indented(part))]) for part in self.parts if part.lines)
        return "\n\n".join([self.title, *parts]) + "\n"

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The letter as Slack's blocks, cut where Slack would refuse it."""
        header = {"type": "header", "text": {"type": "plain_text", "text": _cut(self.title, HEADER_CHARACTERS)}}
        sections = [_section(part) for part in self.parts if part.lines]
        return [header, *sections[: BLOCKS - 1]]


def _indented(part: Part) -> tuple[str, ...]:
    return tuple(f"  {line}" if line else "" for line in part.lines)


def _section(part: Part) -> dict[str, Any]:
    heading = f"*{escaped(part.heading)}*\n"
    fence = ("```", "```") if part.code else ("", "")
    room = SECTION_CHARACTERS - len(heading) - sum(map(len, fence))
    body = _cut(escaped("\n".join(part.lines)), room)
    return {"type": "section", "text": {"type": "mrkdwn", "text": f"{heading}{fence[0]}{body}{fence[1]}"}}


def escaped(text: str) -> str:
    """Slack: "replace the ampersand, the less-than sign and the greater-than sign" with their entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    kept = text[: room - 1]
    start = kept.rfind("&")
    if start > len(kept) - len("&amp;") and ";" not in kept[start:]:  # half an entity would show as rubbish
        kept = kept[:start]
    return kept + "…"
