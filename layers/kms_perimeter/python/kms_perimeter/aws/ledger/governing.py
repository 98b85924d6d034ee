"""The perimeter file that is in force: the last good version, kept in the ledger's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter.aws.ledger.table import Table
from kms_perimeter.aws.parameters import Parameter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PLACE, GOVERNING = "perimeter-file", "governing"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of the perimeter file.

    Attributes:
        good: the last good version, or None where there has been none yet.
        told: the bad version that people were told of last; 0 for none.
    """

    good: Parameter | None
    told: int


class Governing:
    """Keeps the last good version of the perimeter file, so that a bad one never takes its place."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def kept(self) -> Kept:
        """What is kept now."""
        item = self._table.get(PLACE, GOVERNING)
        good = Parameter(item["text"], int(item["version"])) if "text" in item else None
        return Kept(good, int(item.get("told", 0)))

    def keep(self, good: Parameter) -> None:
        """Keeps a version that has proved good."""
        self._table.set(PLACE, GOVERNING, {"text": good.text, "version": good.version})

    def note_told(self, version: int) -> None:
        """Notes that people have been told that this version is bad."""
        self._table.set(PLACE, GOVERNING, {"told": version})
