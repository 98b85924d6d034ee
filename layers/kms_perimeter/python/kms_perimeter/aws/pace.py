"""Pacing: calls no faster than a share of a quota that applications live on too."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """Lets so many calls a second through, from however many threads, evenly spaced."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / per_second
        self._clock = clock
        self._pause = pause
        self._free_at = clock()
        self._lock = Lock()

    def wait(self) -> None:
        """Waits for the next turn."""
        with self._lock:
            now = self._clock()
            turn = max(self._free_at, now)
            self._free_at = turn + self._interval
        if turn > now:
            self._pause(turn - now)
