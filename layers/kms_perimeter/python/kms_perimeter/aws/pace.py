"""Pacing: calls no faster than a share of a quota that applications live on too.

Beyond that, botocore's mode `adaptive` slows the service's client of KMS down for as long as KMS throttles it. That is
for the rate that KMS has left; this is for the rate that the account's owner gives, whether KMS has more left or not.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What a worker loses while it does something else, it may make up for within this.
MADE_UP_FOR = 1.0


class Pace:
    """Lets so many calls a second through, from however many threads, evenly spaced.

    With a `burst`, turns of so many last seconds that nobody took may still be taken: then what is kept to is the rate
    over any longer time, and the pace is a token bucket.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        *,
        burst: float = 0.0,
    ) -> None:
        self._interval = 1 / per_second
        self._burst = burst
        self._clock = clock
        self._pause = pause
        self._free_at = clock()
        self._lock = Lock()

    def wait(self) -> None:
        """Waits for the next turn."""
        with self._lock:
            now = self._clock()
            turn = max(self._free_at, now - self._burst)
            self._free_at = turn + self._interval
        if turn > now:
            self._pause(turn - now)


def pace(
    client: Any,  # noqa: ANN401 - any client of botocore
    rates: Mapping[str, float],
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Makes the client wait before each call, and each further try of a call, until it is due.

    Args:
        client: the client.
        rates: calls a second, by operation; another operation is not held up.
        clock: seconds, from any start.
        pause: waits for so many seconds.
    """
    service = client.meta.service_model.service_id.hyphenize()
    for operation, rate in rates.items():
        turns = Pace(rate, clock, pause, burst=MADE_UP_FOR)
        client.meta.events.register(f"before-send.{service}.{operation}", _gate(turns))


def _gate(turns: Pace) -> Callable[..., None]:
    def wait(**_: object) -> None:
        turns.wait()

    return wait
