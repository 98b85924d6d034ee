"""How the fleet stood at the end of each sweep, and which keys were open: written once, and never changed.

The counts are made of the states of all keys, after the sweep, so that it does not matter how often a message about a
key was delivered. One item for each sweep, sorted by time; beside the sweep's own item stand the keys that were open.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from kms_perimeter.aws.ledger.entry import text_of
from kms_perimeter.aws.ledger.table import Table
from kms_perimeter.aws.queues import batches
from kms_perimeter.errors import LedgerConflict
from kms_perimeter.fleet import Day, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

SWEEPS = "sweeps"
OPEN, TOLD = "open#", "told"
OPEN_IN_AN_ITEM = 2000  # some 160 bytes each at the most, of the 400 KB that an item may have


@dataclass(frozen=True, slots=True)
class Count:
    """How the fleet stood at the end of a sweep.

    Attributes:
        sweep: its ID.
        at: when it ended.
        counts: how many keys stood how.
        perimeters: the same by perimeter.
        listing: how the names of the items begin that have the keys which were open.
    """

    sweep: str
    at: datetime
    counts: Mapping[Standing, int] = field(hash=False)
    perimeters: Mapping[str, Mapping[Standing, int]] = field(hash=False)
    listing: str = field(default=OPEN, compare=False)

    @property
    def day(self) -> Day:
        """The count as that of its day."""
        return Day(self.at.astimezone(UTC).date(), self.counts, self.perimeters)


class Counts:
    """The counts in the ledger's table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def keep(self, count: Count, open_keys: Iterable[str]) -> None:
        """Writes a count for good, and the keys that are open; what a run before has written stays as it is.

        The keys come first: where there is a count, they are complete. They are listed by a name of this run alone, and
        the count has that: what a run has listed that died before it counted was of another moment.
        """
        listing = f"{OPEN}{uuid4().hex}#"
        for number, keys in enumerate(batches(sorted(open_keys), OPEN_IN_AN_ITEM)):
            self._put(_place(count.sweep), f"{listing}{number:04}", {"keys": list(keys)})
        self._put(SWEEPS, f"{text_of(count.at)}#{count.sweep}", {**_attributes(count), "listing": listing})

    def last(self, before: datetime) -> Count | None:
        """The last count from before a time."""
        found = self._table.query(
            "key_arn = :sweeps AND entry < :before", newest_first=True, page=1, sweeps=SWEEPS, before=text_of(before)
        )
        return next(map(_count, found), None)

    def open_at(self, count: Count) -> frozenset[str]:
        """The keys that were open when they were counted."""
        place, listing = _place(count.sweep), count.listing
        items = self._table.query("key_arn = :sweep AND begins_with(entry, :open)", sweep=place, open=listing)
        return frozenset(key for item in items for key in item["keys"])

    def days(self, before: datetime, most: int) -> tuple[Day, ...]:
        """The last count of each day from before a time, oldest first: one call for each day.

        Args:
            before: the time.
            most: so many days with a count.
        """
        found: list[Day] = []
        while len(found) < most and (count := self.last(before)):
            found.append(count.day)
            before = datetime.combine(count.day.day, time(), UTC)
        return tuple(reversed(found))

    def is_told(self, sweep: str) -> bool:
        """Whether people have been told of the sweep's end."""
        return bool(self._table.get(_place(sweep), TOLD))

    def note_told(self, sweep: str, now: datetime, report: str) -> None:
        """Notes that they have, and where its report is."""
        self._put(_place(sweep), TOLD, {"at": text_of(now), "report": report})

    def _put(self, key_arn: str, entry: str, attributes: Mapping[str, Any]) -> None:
        with suppress(LedgerConflict):  # a run before has got so far
            self._table.put_once({"key_arn": key_arn, "entry": entry, **attributes})


def _place(sweep: str) -> str:
    return f"sweep/{sweep}"


def _attributes(count: Count) -> dict[str, Any]:
    return {
        "sweep": count.sweep,
        "at": text_of(count.at),
        "counts": _named(count.counts),
        "perimeters": {name: _named(counts) for name, counts in count.perimeters.items()},
    }


def _named(counts: Mapping[Standing, int]) -> dict[str, int]:
    return {standing.value: count for standing, count in counts.items() if count}


def _count(item: Mapping[str, Any]) -> Count:
    perimeters = {name: _counts(counts) for name, counts in item["perimeters"].items()}
    at, listing = datetime.fromisoformat(item["at"]), item.get("listing", OPEN)
    return Count(item["sweep"], at, _counts(item["counts"]), perimeters, listing)


def _counts(item: Mapping[str, Any]) -> dict[Standing, int]:
    return {Standing(name): int(count) for name, count in item.items()}
