"""The lister: goes through all keys, page by page, for as long as it may run, and leaves word for whoever goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kms_perimeter.errors import LedgerConflict, MarkerIsInvalid
from kms_perimeter.sweep.batch import KEYS_PER_MESSAGE, sweep_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kms_perimeter.aws.kms import Keys
    from kms_perimeter.aws.ledger import Progress, Sweeps
    from kms_perimeter.aws.queues import Queue

# So far ahead are messages timed. What is timed comes out of the queue even if the workers turn out to be slower than
# that, and then events wait behind it: so not far.
HORIZON = timedelta(seconds=30)
# With less time than this left to the function, no further page is begun.
ENOUGH = timedelta(seconds=15)
# A queue with more than some seconds' work in it is behind: no more keys until it has caught up.
BEHIND = timedelta(seconds=10)
SOON = timedelta(seconds=5)
LOOK_AGAIN = timedelta(minutes=1)
# Keys that fail time and again are given up by then; a queue that is never empty must not keep a sweep from its end.
GIVE_UP = timedelta(hours=1)

_ID = re.compile(r"[A-Za-z0-9_.:+-]{1,128}")


@dataclass(frozen=True, slots=True)
class Lister:
    """What the lister works with.

    Attributes:
        keys: the keys of the account and Region.
        sweeps: how far each sweep has come.
        changes: the queue that swept keys go through.
        later: the queue that feeds the lister itself.
        rate: keys a second that the sweep may look at.
        now: the clock, in UTC.
    """

    keys: Keys
    sweeps: Sweeps
    changes: Queue
    later: Queue
    rate: float
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Step:
    """What one run of the lister has brought about.

    Attributes:
        progress: how far the sweep is now.
        messages: how many it has put into the changes queue.
        listed: whether it was this run that came to the last key.
        finished: whether it was this run that saw that every key has been worked on.
    """

    progress: Progress
    messages: int = 0
    listed: bool = False
    finished: bool = False


def new_id(given: object, otherwise: str) -> str:
    """The sweep's ID: what the caller asks for, else the caller's own.

    Raises:
        ValueError: it is not a short word.
    """
    if given is None:
        return otherwise
    if isinstance(given, str) and _ID.fullmatch(given):
        return given
    raise ValueError(f"not the ID of a sweep: `{given}`")


def ordered(sweep: str) -> Mapping[str, Any]:
    """The message that makes the lister begin a sweep, or go on with it."""
    return {"sweep": sweep}


def asked(lister: Lister, sweep: str) -> Step:
    """How far a sweep is; it begins with this if it has not begun yet, but nothing else happens."""
    return Step(lister.sweeps.begin(sweep, lister.now()))


def step(lister: Lister, sweep: str, time_left: Callable[[], timedelta]) -> Step:
    """Goes on with a sweep for as long as there is time, then leaves word for the next run.

    A run that dies is begun again by whatever began it, and finds in the ledger where it was. The page that it died
    over goes into the queue twice; whoever finds a key looked at since the sweep began leaves it alone.
    """
    progress = lister.sweeps.begin(sweep, lister.now())
    if progress.finished_at:
        return Step(progress)
    if progress.listed_at:
        return _wait_for_the_end(lister, progress)
    try:
        done = _list(lister, progress, time_left)
    except LedgerConflict:  # another run is at the same sweep, and leaves word itself
        return Step(progress)
    lister.later.send_timed([(ordered(sweep), _seconds(_pause(lister, done.progress)))])
    return done


def _list(lister: Lister, progress: Progress, time_left: Callable[[], timedelta]) -> Step:
    messages = 0
    while not progress.listed_at and time_left() > ENOUGH and _has_room(lister, progress):
        progress, sent = _list_page(lister, progress)
        messages += sent
    return Step(progress, messages, listed=progress.listed_at is not None)


def _has_room(lister: Lister, progress: Progress) -> bool:
    """Whether more keys can be timed within the horizon, and those that are due are not piling up."""
    if progress.due - lister.now() > HORIZON:
        return False
    return lister.changes.waiting().ready * KEYS_PER_MESSAGE <= BEHIND.total_seconds() * lister.rate


def _list_page(lister: Lister, progress: Progress) -> tuple[Progress, int]:
    try:
        page = lister.keys.page(progress.marker)
    except MarkerIsInvalid:  # it has grown too old: from the start; what is done is done
        return lister.sweeps.advance(progress, replace(progress, marker="")), 0
    bodies = tuple(sweep_batches(progress.sweep, progress.started_at, page.key_arns))
    sent = lister.changes.send_timed(_timed(lister, progress, bodies))
    after = replace(
        progress,
        marker=page.next_marker,
        keys=progress.keys + len(page.key_arns),
        due=max(progress.due, lister.now()) + timedelta(seconds=len(page.key_arns) / lister.rate),
        listed_at=None if page.next_marker else lister.now(),
    )
    return lister.sweeps.advance(progress, after), sent


def _timed(
    lister: Lister, progress: Progress, bodies: tuple[Mapping[str, Any], ...]
) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each message with the seconds for which SQS holds it back, so that keys come out at the rate that was given."""
    ahead = max(progress.due - lister.now(), timedelta())
    for number, body in enumerate(bodies):
        yield body, int(ahead.total_seconds() + number * KEYS_PER_MESSAGE / lister.rate)


def _pause(lister: Lister, progress: Progress) -> timedelta:
    """When the lister is wanted again: while there is still something in the queue, or once it should be empty."""
    ahead = max(progress.due - lister.now(), timedelta())
    if progress.listed_at:
        return ahead + LOOK_AGAIN
    return max(ahead - HORIZON / 2, SOON)


def _wait_for_the_end(lister: Lister, progress: Progress) -> Step:
    """Ends the sweep once all its keys are out of the queue: they have been worked on, or given up."""
    overdue = lister.now() - progress.due > GIVE_UP
    if lister.changes.waiting().total and not overdue:
        lister.later.send_timed([(ordered(progress.sweep), _seconds(LOOK_AGAIN))])
        return Step(progress)
    after = replace(progress, finished_at=lister.now())
    try:
        return Step(lister.sweeps.advance(progress, after), finished=True)
    except LedgerConflict:
        return Step(progress)


def _seconds(time: timedelta) -> int:
    return int(time.total_seconds())
