"""What people can press under a question in Slack, and which of it they pressed.

The buttons carry the ID of the question and nothing else: whatever a click leads to is read from the ledger, so nobody
can answer by a click what was never asked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

# Slack: `block_id` has at most 255 characters and is unique in its message.
_BLOCK = "kms-perimeter/ask/"


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
    return {
        "type": "actions",
        "block_id": f"{_BLOCK}{ask_id}",
        "elements": [
            _button(Action.APPROVE, "Approve", ask_id) | {"style": "primary", "confirm": _APPROVE_REALLY},
            _button(Action.SHOW_PLAN, "Show plan", ask_id),
            {
                "type": "datepicker",
                "action_id": Action.IGNORE_UNTIL.value,
                "placeholder": _plain("Ignore until…"),
                "confirm": _IGNORE_REALLY,
            },
        ],
    }


def ask_of(block_id: str) -> str | None:
    """The ID of the question that a block of this name answers, or None if it is none of ours."""
    return block_id.removeprefix(_BLOCK) if block_id.startswith(_BLOCK) else None


def _button(action: Action, label: str, ask_id: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action.value, "text": _plain(label), "value": ask_id}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def _confirm(title: str, text: str, yes: str) -> dict[str, Any]:
    return {"title": _plain(title), "text": _plain(text), "confirm": _plain(yes), "deny": _plain("Cancel")}


_APPROVE_REALLY = _confirm(
    "Approve the plan?",
    "The guard proves the plan once more, changes the key's policy and reports. The old policy stays in the ledger.",
    "Approve",
)
_IGNORE_REALLY = _confirm(
    "Leave the key open?",
    "You answer for the key until the end of that day (UTC); then the guard takes it up again.",
    "Ignore",
)
