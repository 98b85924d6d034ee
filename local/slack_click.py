"""Somebody in Slack who presses a button: the request that Slack sends to the app then, signed.

Documents: *block_actions payload* and *Verifying requests from Slack*, in Slack's reference.
"""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from slack_sdk.signature import SignatureVerifier

_SECONDS = 30


@dataclass(frozen=True)
class Click:
    """What somebody presses.

    Attributes:
        message: The message with the buttons, as it was posted; its last block holds them.
        action: The `action_id` of what is pressed.
        user: The person's ID.
        team: The ID of the person's workspace.
        reply_url: Where Slack wants the reply.
        secret: What Slack signs with.
        day: The day that is picked in a calendar.
        age: How many seconds ago it was signed.
    """

    message: dict[str, Any]
    action: str
    user: str
    team: str
    reply_url: str
    secret: str
    day: str | None = None
    age: int = 0

    def send(self, url: str) -> int:
        """Send the request; give the status of the answer."""
        body = urlencode({"payload": json.dumps(self._payload())})
        signed_at = str(int(time.time()) - self.age)
        signature = SignatureVerifier(self.secret).generate_signature(timestamp=signed_at, body=body)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": signed_at,
            "X-Slack-Signature": str(signature),
        }
        try:
            with urlopen(Request(url, body.encode(), headers), timeout=_SECONDS) as answer:  # noqa: S310 - loopback
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def _payload(self) -> dict[str, Any]:
        buttons = self.message["blocks"][-1]
        pressed = next(e for e in buttons["elements"] if e["action_id"] == self.action)
        told = {name: pressed[name] for name in ("action_id", "type", "value") if name in pressed}
        return {
            "type": "block_actions",
            "team": {"id": self.team, "domain": "acme"},
            "user": {"id": self.user, "username": self.user.lower(), "team_id": self.team},
            "message": self.message,
            "response_url": self.reply_url,
            "actions": [{**told, "block_id": buttons["block_id"], "selected_date": self.day}],
        }
