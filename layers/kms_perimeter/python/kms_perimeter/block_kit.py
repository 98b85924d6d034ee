"""Slack's blocks, made by Slack's own models, which refuse what Slack would refuse; what is too long is cut before.

Limits: *Block Kit reference* by Slack. `slack_sdk` takes its time to be imported, so whoever makes blocks imports this
module when there is something to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    DatePickerElement,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from kms_perimeter.mrkdwn import cut, escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slack_sdk.models.blocks import InteractiveElement

# What the models do not count.
MOST_BLOCKS = 50  # of a message
_AROUND = 40  # what a heading and its marks take, more or less
FENCE = "```"
CUT_HERE = "_cut here; the ledger has all of it_"
CONTEXT_CHARACTERS = 3000  # of an element of a context block
HEADING_CHARACTERS = 150  # nothing of Slack's: a heading is a few words


def header(title: str) -> dict[str, Any]:
    """A title, in large letters."""
    return HeaderBlock(text=PlainTextObject(text=cut(title, HeaderBlock.text_max_length))).to_dict()


def section(heading: str, lines: Iterable[str], *, code: bool = False) -> dict[str, Any]:
    """A heading and what stands under it; `code` keeps its spacing."""
    return _section(heading, escaped("\n".join(lines)), SectionBlock.text_max_length, code=code)


def sections(parts: Iterable[tuple[str, Iterable[str], bool]], room: int) -> list[dict[str, Any]]:
    """A section for each heading with its lines, which are code or not.

    Args:
        parts: the headings and what stands below them.
        room: the characters that they may have together; the longest are cut.
    """
    bodies = [(heading, escaped("\n".join(lines)), code) for heading, lines, code in parts]
    share = _share([len(body) + _AROUND for _, body, _ in bodies], room)
    most = min(SectionBlock.text_max_length, share)
    return [_section(heading, body, most, code=code) for heading, body, code in bodies]


def _share(sizes: Iterable[int], room: int) -> int:
    """The most that each may take, so that all fit: who needs less than its share leaves the rest to the others."""
    waiting = sorted(sizes)
    while waiting and waiting[0] * len(waiting) <= room:
        room -= waiting.pop(0)
    return room // len(waiting) if waiting else room


def _section(heading: str, body: str, most: int, *, code: bool) -> dict[str, Any]:
    top, fence = f"*{cut(escaped(heading), HEADING_CHARACTERS)}*\n", FENCE if code else ""
    if code:  # what is quoted must not end the quotation
        body = body.replace(FENCE, "\N{REPLACEMENT CHARACTER}" * len(FENCE))
    room = most - len(top) - 2 * len(fence)
    below = ""
    if len(body) > room:
        below = f"\n{CUT_HERE}"
        body = cut(body, max(1, room - len(below)))
    return SectionBlock(text=MarkdownTextObject(text=f"{top}{fence}{body}{fence}{below}")).to_dict()


def context(text: str) -> dict[str, Any]:
    """A note in small letters; the text is Slack's markup already."""
    return ContextBlock(elements=[MarkdownTextObject(text=cut(text, CONTEXT_CHARACTERS))]).to_dict()


def actions(block_id: str, elements: Iterable[InteractiveElement]) -> dict[str, Any]:
    """What can be pressed."""
    return ActionsBlock(block_id=block_id, elements=list(elements)).to_dict()


def button(action: str, label: str, value: str, *, confirm: ConfirmObject | None = None) -> ButtonElement:
    """A button; one that asks back stands out."""
    style = "primary" if confirm else None
    return ButtonElement(action_id=action, text=_plain(label), value=value, style=style, confirm=confirm)


def calendar(action: str, label: str, confirm: ConfirmObject) -> DatePickerElement:
    """A day to be picked."""
    return DatePickerElement(action_id=action, placeholder=_plain(label), confirm=confirm)


def question(title: str, text: str, yes: str) -> ConfirmObject:
    """What is asked back before a click counts."""
    return ConfirmObject(title=_plain(title), text=_plain(text), confirm=_plain(yes), deny=_plain("Cancel"))


def _plain(text: str) -> PlainTextObject:
    return PlainTextObject(text=text)
