"""What people can press under a question in Slack, and which of it they pressed.

The buttons carry the ID of the question and nothing else: whatever a click leads to is read from the ledger, so nobody
can answer by a click what was never asked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

# Slack: `block_id` has at most 255 characters and is unique in its message.
_BLOCK = "kms-perimeter/ask/"

# Title, text, and the word for yes.
_APPROVE_REALLY = (
    "Approve the plan?",
    "The guard proves the plan once more, changes the key's policy and reports. The old policy stays in the ledger.",
    "Approve",
)
_IGNORE_REALLY = (
    "Leave the key open?",
    "You answer for the key until the end of that day (UTC); then the guard takes it up again.",
    "Ignore",
)


class Action(StrEnum):
    """What can be pressed; these are Slack's ``action_id``."""

    APPROVE = "approve"
    SHOW_PLAN = "show-plan"
    IGNORE_UNTIL = "ignore-until"


def actions(ask_id: str) -> dict[str, Any]:
    """The block of Slack's that a question is answered by: Approve, Show plan, Ignore until a day.

    Approve and Ignore ask back first: a picked day is an answer at once, and an answer is given once.

    Args:
        ask_id: the question.
    """
    from kms_perimeter import block_kit  # noqa: PLC0415 - it takes its time, and most runs have nothing to ask

    buttons = (
        block_kit.button(Action.APPROVE.value, "Approve", ask_id, confirm=block_kit.question(*_APPROVE_REALLY)),
        block_kit.button(Action.SHOW_PLAN.value, "Show plan", ask_id),
        block_kit.calendar(Action.IGNORE_UNTIL.value, "Ignore until…", block_kit.question(*_IGNORE_REALLY)),
    )
    return block_kit.actions(f"{_BLOCK}{ask_id}", buttons)


def ask_of(block_id: str) -> str | None:
    """The ID of the question that a block of this name answers, or None if it is none of ours."""
    return block_id.removeprefix(_BLOCK) if block_id.startswith(_BLOCK) else None
