"""How far each sweep has come: one item for each, so that a lister that dies is gone on with and none runs twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.ledger.entry import text_of
from kms_perimeter.aws.ledger.table import Table
from kms_perimeter.errors import LedgerConflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep has come.

    Attributes:
        sweep: its ID.
        started_at: when it began.
        due: when the last key that is in the queue may be looked at.
        marker: of the next page of keys, as `ListKeys` gave it; empty for the first.
        keys: how many have been listed; a page that was listed twice counts once.
        version: how often this was changed.
        listed_at: when the last key was listed, or None.
        finished_at: when all keys had been worked on, or None.
    """

    sweep: str
    started_at: datetime
    due: datetime
    marker: str = ""
    keys: int = 0
    version: int = 0
    listed_at: datetime | None = None
    finished_at: datetime | None = None


class Sweeps:
    """The sweeps in the ledger's table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def begin(self, sweep: str, now: datetime) -> Progress:
        """How far the sweep of this ID is; it begins now if it has not begun yet."""
        fresh = Progress(sweep, started_at=now, due=now)
        try:
            self._table.put_once({"key_arn": _place(sweep), "entry": PROGRESS, **_attributes(fresh)})
        except LedgerConflict:
            return _progress(sweep, self._table.get(_place(sweep), PROGRESS))
        return fresh

    def advance(self, before: Progress, after: Progress) -> Progress:
        """Notes how far the sweep is now.

        Raises:
            LedgerConflict: another run has gone on with it since `before`.
        """
        noted = replace(after, version=before.version + 1)
        self._table.set(_place(before.sweep), PROGRESS, _attributes(noted), "#version = :before", before=before.version)
        return noted


def _place(sweep: str) -> str:
    return f"sweep/{sweep}"


def _attributes(progress: Progress) -> dict[str, Any]:
    return {
        "started_at": text_of(progress.started_at),
        "due": text_of(progress.due),
        "marker": progress.marker,
        "keys": progress.keys,
        "version": progress.version,
        "listed_at": text_of(progress.listed_at) if progress.listed_at else "",
        "finished_at": text_of(progress.finished_at) if progress.finished_at else "",
    }


def _progress(sweep: str, item: Mapping[str, Any]) -> Progress:
    listed, finished = item["listed_at"], item["finished_at"]
    return Progress(
        sweep,
        started_at=datetime.fromisoformat(item["started_at"]),
        due=datetime.fromisoformat(item["due"]),
        marker=item["marker"],
        keys=int(item["keys"]),
        version=int(item["version"]),
        listed_at=datetime.fromisoformat(listed) if listed else None,
        finished_at=datetime.fromisoformat(finished) if finished else None,
    )
