"""What somebody pressed under a question in Slack, as Slack tells it and as it travels in the queue of answers.

Shape: *block_actions payload* in Slack's reference. Only what an answer needs is taken out of it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from kms_perimeter.slack_actions import Action, ask_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_ID = re.compile(r"[A-Z0-9]{1,32}\Z")
_ASK = re.compile(r"[0-9a-f]{1,64}\Z")
_NAME_CHARACTERS = 80  # Slack's own limit for a name


@dataclass(frozen=True, slots=True)
class Interaction:
    """What somebody pressed.

    Attributes:
        team: ID of the workspace that the person is of.
        user: the person's ID.
        name: the person's name, for people who read the ledger.
        action: what was pressed.
        ask_id: the question that it is about.
        until: the day that was picked, for `Action.IGNORE_UNTIL`.
        response_url: where to reply. Whoever knows it may write there for half an hour, so it is never logged.
        text: the message with the question, as plain text.
        blocks: the same as blocks.
    """

    team: str
    user: str
    name: str
    action: Action
    ask_id: str
    until: date | None
    response_url: str = field(repr=False)
    text: str = field(repr=False)
    blocks: tuple[dict[str, Any], ...] = field(repr=False, hash=False)

    @property
    def by(self) -> str:
        """Who it was, as the ledger names people of Slack."""
        return f"slack:{self.team}/{self.user} {self.name}"

    def to_json(self) -> dict[str, Any]:
        """As it travels in the queue."""
        return {**asdict(self), "until": self.until.isoformat() if self.until else None}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Interaction:
        """What a message holds; only this stack can send to the queue, so it is taken as it is."""
        until = date.fromisoformat(message["until"]) if message["until"] else None
        told = {"action": Action(message["action"]), "until": until, "blocks": tuple(message["blocks"])}
        return cls(**{**message, **told})


def read(payload: Mapping[str, Any]) -> Interaction | None:
    """What Slack tells of a click, or None for a click on something else than our buttons."""
    if payload.get("type") != "block_actions":
        return None
    try:
        pressed = _taken_from(payload)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    known = _ASK.match(pressed.ask_id) and _ID.match(pressed.team) and _ID.match(pressed.user)
    return pressed if known else None


def _taken_from(payload: Mapping[str, Any]) -> Interaction:
    (pressed,) = payload["actions"]
    action = Action(pressed["action_id"])
    user, message = payload["user"], payload.get("message", {})
    return Interaction(
        # In a channel that two workspaces share, `team` may be the other one's: the person's own comes first.
        team=user.get("team_id") or payload["team"]["id"],
        user=user["id"],
        name=_name(user),
        action=action,
        ask_id=ask_of(pressed["block_id"]) or "",
        until=date.fromisoformat(pressed["selected_date"]) if action is Action.IGNORE_UNTIL else None,
        response_url=str(payload["response_url"]),
        text=str(message.get("text", "")),
        blocks=tuple(message.get("blocks", ())),
    )


def _name(user: Mapping[str, Any]) -> str:
    """A name in one line, without what a reader of the ledger could take for something else."""
    named = str(user.get("username") or user.get("name") or "")
    return "".join(character for character in named if character.isprintable())[:_NAME_CHARACTERS]
