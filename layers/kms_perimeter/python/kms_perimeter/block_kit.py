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
CONTEXT_CHARACTERS = 3000  # of an element of a context block
HEADING_CHARACTERS = 150  # nothing of Slack's: a heading is a few words


def header(title: str) -> dict[str, Any]:
    """A title, in large letters."""
    return HeaderBlock(text=PlainTextObject(text=cut(title, HeaderBlock.text_max_length))).to_dict()


def section(heading: str, lines: Iterable[str], *, code: bool = False) -> dict[str, Any]:
    """A heading and what stands under it; `code` keeps its spacing."""
    top = f"*{cut(escaped(heading), HEADING_CHARACTERS)}*\n"
    fence = "```" if code else ""
    body = cut(escaped("\n".join(lines)), SectionBlock.text_max_length - len(top) - 2 * len(fence))
    return SectionBlock(text=MarkdownTextObject(text=f"{top}{fence}{body}{fence}")).to_dict()


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
