"""Waiting, always with a deadline, and with something to go on when it passes."""

import time
from collections.abc import Callable
from typing import TypeVar

from local.slack import Webhook

_Seen = TypeVar("_Seen")

SECONDS = 60.0
"""How long anything may take. The whole way from a call to a closed key takes a second or two on an idle machine, and
many times that on one that runs several stacks at once."""

_PAUSE = 0.05


class TookTooLong(Exception):
    """What was waited for did not come; the message ends with what the functions logged last."""


def until(look: Callable[[], _Seen | None], what: str, clue: Callable[[], str], seconds: float = SECONDS) -> _Seen:
    """Look again and again until there is something to see.

    Args:
        look: Gives what is waited for, or None while it is not there.
        what: What is waited for, as a person would say it.
        clue: What to read when it does not come.
        seconds: How long to wait.

    Raises:
        TookTooLong: The deadline has passed.
    """
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise TookTooLong(f"{what} did not come within {seconds:.0f} s\n{clue()}")
        time.sleep(_PAUSE)
    return found


def messages_with(slack: Webhook, text: str, count: int, clue: Callable[[], str]) -> list[str]:
    """Wait until Slack has taken `count` messages with this text in them; give the texts of all that have it."""

    def look() -> list[str] | None:
        found = [message["text"] for message in slack.messages if text in message["text"]]
        return found if len(found) >= count else None

    return until(look, f"message {count} in Slack about {text}", clue)
