"""The perimeter file that is in force: the last good version, kept in the ledger's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.aws.ledger.table import Table
from kms_perimeter.aws.parameters import Parameter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PLACE, GOVERNING = "perimeter-file", "governing"


class Governing:
    """Keeps the last good version of the perimeter file, so that a bad one never takes its place."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._told = 0

    def last(self) -> Parameter | None:
        """The last good version, or None where there has been none yet."""
        item = self._table.get(PLACE, GOVERNING)
        self._told = int(item.get("told", 0))
        return Parameter(item["text"], int(item["version"])) if "text" in item else None

    def keep(self, good: Parameter) -> None:
        """Keeps a version that has proved good."""
        self._table.set(PLACE, GOVERNING, {"text": good.text, "version": good.version})

    def is_told(self, version: int) -> bool:
        """Whether people have been told that this version is bad; after `last`."""
        return self._told == version

    def tell(self, version: int) -> None:
        """Notes that people have been told that this version is bad."""
        self._table.set(PLACE, GOVERNING, {"told": version})
        self._told = version
