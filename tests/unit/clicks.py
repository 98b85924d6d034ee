"""Clicks in Slack, as Slack sends them: signed, with a time, as the request of a function URL."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from slack_sdk.signature import Clock, SignatureVerifier

from kms_perimeter.slack_actions import actions
from tests.unit.account import NOON

if TYPE_CHECKING:
    from datetime import datetime

    from kms_perimeter.slack_actions import Action

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM, ALICE, BOB, MALLORY = "T0001", "U0ALICE", "U0BOB", "U0MALLORY"
HOOK = "https://hooks.slack.com/actions/T0001/1/secret"
QUESTION: dict[str, Any] = {"type": "section", "text": {"type": "mrkdwn", "text": "The key is open."}}


class StandingStill(Clock):
    """A clock of Slack's verifier that stands at a time."""

    def __init__(self, time: datetime = NOON) -> None:
        self._time = time

    def now(self) -> float:
        """The time, in seconds."""
        return self._time.timestamp()


def a_payload(action: Action, ask_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """What Slack tells of a click by Alice; changes are members of the payload, and `selected_date`."""
    block = actions(ask_id)
    pressed = {"block_id": block["block_id"], "action_id": action.value, "type": "button", "value": ask_id}
    if "selected_date" in changes:
        pressed |= {"type": "datepicker", "selected_date": changes.pop("selected_date")}
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM, "domain": "acme"},
        "user": {"id": ALICE, "username": "alice", "name": "alice", "team_id": TEAM},
        "message": {"text": "The key is open.", "blocks": [QUESTION, block]},
        "response_url": HOOK,
        "actions": [pressed],
    }
    return payload | changes


def signed(
    payload: dict[str, Any], *, secret: str = SECRET, at: datetime = NOON, encoded: bool = True
) -> dict[str, Any]:
    """The request that a function URL hands over for a payload."""
    body = urlencode({"payload": json.dumps(payload)})
    time = str(int(at.timestamp()))
    signature = str(SignatureVerifier(secret).generate_signature(timestamp=time, body=body))
    return {
        "version": "2.0",
        "rawPath": "/",
        "headers": {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": time,
            "x-slack-signature": signature,
        },
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "body": base64.b64encode(body.encode()).decode() if encoded else body,
        "isBase64Encoded": encoded,
    }
