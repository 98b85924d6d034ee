"""`python -m local.demo`: play the day; exit 0 only if every step came out as told."""

import os
import signal
import sys
import time
from io import TextIOWrapper
from types import FrameType

from rich.console import Console

from local.demo.day import Day
from local.demo.screen import Screen
from local.demo.steps import STEPS
from local.deploy import SamFailedError
from local.embedded import EmbeddedAwsError
from local.stage import ENDPOINT, TookTooLong, deployed

_INTERRUPTED = 130  # as shells say it: 128 and SIGINT's number


def main() -> int:
    """Deploy, play, tell, clean up; whatever happens, nothing is left running."""
    signal.signal(signal.SIGTERM, _leave)
    screen = Screen(_console())
    start = time.monotonic()
    try:
        _play(screen)
    except KeyboardInterrupt:
        screen.say("\nStopped; nothing is left running.")
        return _INTERRUPTED
    except (SamFailedError, EmbeddedAwsError) as failure:
        screen.trouble(str(failure))
    screen.verdict(time.monotonic() - start)
    return 1 if screen.unexpected else 0


def _console() -> Console:
    # An alert may hold any character; a terminal that lacks one shows a question mark.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def _play(screen: Screen) -> None:
    screen.chapter("An AWS on this machine, and the service on it")
    screen.say(f"Keys may be used only through the VPC endpoint {ENDPOINT}. The mode is `enforce`.")
    with deployed(tell=screen.note) as stage:
        day = Day(stage, screen)
        for title, step in STEPS:
            screen.chapter(title)
            try:
                step(day)
            except TookTooLong as late:
                screen.trouble(str(late))


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
