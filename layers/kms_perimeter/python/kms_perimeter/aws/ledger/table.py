"""The ledger's table, in terms of plain values."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from kms_perimeter.errors import LedgerConflict, LedgerIsBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    Answer = TypeVar("Answer")

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


# Seconds. A transaction is through within milliseconds; what lasts longer than all of these is the queue's business.
IN_THE_WAY_FOR = (0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True, slots=True)
class Change:
    """Attributes of one item that are to be set, if a condition holds.

    Attributes:
        key_arn: the first part of the item's key.
        entry: the second part.
        attributes: what they are set to, by name.
        only_if: the condition, or None; it may name an attribute's new value as ``:name``.
        also: further values that the condition names.
    """

    key_arn: str
    entry: str
    attributes: Mapping[str, Any] = field(hash=False)
    only_if: str | None = None
    also: Mapping[str, str | int] = field(default_factory=dict, hash=False)

    @property
    def what(self) -> str:
        """The change in a few words."""
        return f"{self.key_arn}: {', '.join(self.attributes)}"

    def parameters(self, table: str) -> Any:  # noqa: ANN401 - of UpdateItem, and of an Update within a transaction
        """The change as DynamoDB takes it."""
        values = {f":{name}": _serialize(value) for name, value in {**self.attributes, **self.also}.items()}
        return {
            "TableName": table,
            "Key": _key(self.key_arn, self.entry),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in self.attributes),
            "ExpressionAttributeNames": {f"#{name}": name for name in self.attributes},
            "ExpressionAttributeValues": values,
            **({"ConditionExpression": self.only_if} if self.only_if else {}),
        }


class Table:
    """A DynamoDB table whose key is ``key_arn`` and ``entry``."""

    def __init__(self, client: DynamoDBClient, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._pause = pause

    def get(self, key_arn: str, entry: str) -> dict[str, Any]:
        """An item as it is now; an empty one if there is none."""
        answer = self._client.get_item(TableName=self._name, Key=_key(key_arn, entry), ConsistentRead=True)
        return plain(answer.get("Item", {}))

    def get_many(self, places: Iterable[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        """Several items, at most 100, as they are now, in no order; without those that there are not.

        Raises:
            LedgerIsBusy: DynamoDB keeps leaving some of them unread (`UnprocessedKeys` of `BatchGetItem`).
        """
        asked: dict[str, Any] = {self._name: {"Keys": [_key(*place) for place in places], "ConsistentRead": True}}
        for pause in (*IN_THE_WAY_FOR, None):
            answer = self._client.batch_get_item(RequestItems=asked)
            yield from map(plain, answer["Responses"].get(self._name, ()))
            if not (asked := answer.get("UnprocessedKeys", {})):
                return
            if pause is not None:
                self._pause(pause)
        raise LedgerIsBusy(f"{len(asked[self._name]['Keys'])} items of the ledger were left unread")

    def put_once(self, item: Mapping[str, Any]) -> None:
        """Writes an item for good.

        Raises:
            LedgerConflict: there is an item with this key.
        """
        with _conflicts(item["entry"]):
            self._try(lambda: self._client.put_item(**self._once(item)))

    def set(
        self, key_arn: str, entry: str, attributes: Mapping[str, Any], only_if: str | None = None, **also: str | int
    ) -> dict[str, Any]:
        """Sets attributes of an item and returns the item before; `also` are values for the condition.

        Raises:
            LedgerConflict: the condition does not hold.
        """
        change = Change(key_arn, entry, attributes, only_if, also)
        call = change.parameters(self._name)
        with _conflicts(change.what):
            answer = self._try(lambda: self._client.update_item(**call, ReturnValues="ALL_OLD"))
        return plain(answer.get("Attributes", {}))

    def write_together(self, items: Collection[Mapping[str, Any]], change: Change | None = None) -> None:
        """Writes items for good and sets attributes of another one: all of it or nothing, in one call.

        DynamoDB takes up to 100 items and 4 MB in one call and counts twice the capacity. IAM asks for what it asks for
        the single calls. Nothing is returned of what was there before.

        Raises:
            LedgerConflict: there is such an item, or the condition of the change does not hold.
        """
        writes: list[Any] = [{"Put": self._once(item)} for item in items]
        writes += [{"Update": change.parameters(self._name)}] if change else []
        with _conflicts(", ".join([*(item["entry"] for item in items), *([change.what] if change else [])])):
            self._try(lambda: self._client.transact_write_items(TransactItems=writes))

    def count(self, key_arn: str, entry: str, name: str, more: int, expires_at: int) -> int:
        """Adds to a number of an item and returns the sum; the item may be forgotten after `expires_at`."""
        answer = self._try(
            lambda: self._client.update_item(
                TableName=self._name,
                Key=_key(key_arn, entry),
                UpdateExpression="SET expires_at = :expires_at ADD #name :more",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":more": {"N": str(more)}, ":expires_at": {"N": str(expires_at)}},
                ReturnValues="UPDATED_NEW",
            )
        )
        return int(plain(answer["Attributes"])[name])

    def query(
        self, condition: str, *, newest_first: bool = False, page: int | None = None, **values: str
    ) -> Iterator[dict[str, Any]]:
        """The items that a key condition holds for, as they are now; `page` of them in a call for who wants few."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
            PaginationConfig={"PageSize": page} if page else {},
        )
        yield from (plain(item) for page in pages for item in page["Items"])

    def of_day(self, day: str) -> Iterator[dict[str, Any]]:
        """The entries of a day by their times, as far as the index ``by-day`` has them."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName="by-day",
            KeyConditionExpression="#day = :day",
            ExpressionAttributeNames={"#day": "day"},
            ExpressionAttributeValues={":day": {"S": day}},
        )
        yield from (plain(item) for page in pages for item in page["Items"])

    def scan(self, entry: str) -> Iterator[dict[str, Any]]:
        """Every item whose sort key is `entry`."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            FilterExpression="entry = :entry",
            ExpressionAttributeValues={":entry": {"S": entry}},
        )
        yield from (plain(item) for page in pages for item in page["Items"])

    def _once(self, item: Mapping[str, Any]) -> Any:  # noqa: ANN401 - parameters of PutItem, and of a Put
        return {
            "TableName": self._name,
            "Item": {name: _serialize(value) for name, value in item.items()},
            "ConditionExpression": "attribute_not_exists(key_arn)",
        }

    def _try(self, call: Callable[[], Answer]) -> Answer:
        """Makes a call, again while another's transaction is at the same item: that, botocore does not try again."""
        for seconds in IN_THE_WAY_FOR:
            try:
                return call()
            except ClientError as error:
                if not _is_in_the_way(error):
                    raise
                self._pause(seconds)
        return call()


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item's values as Python has them."""
    return {name: _deserialize(value) for name, value in item.items()}


def _key(key_arn: str, entry: str) -> dict[str, Any]:
    return {"key_arn": {"S": key_arn}, "entry": {"S": entry}}


@contextmanager
def _conflicts(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException" or "ConditionalCheckFailed" in _why(
            error
        ):
            raise LedgerConflict(f"the ledger has it already: {what}") from error
        raise


def _why(error: ClientError) -> set[str]:
    """Why a transaction was cancelled, by what was wrong with each of its items; empty for any other error."""
    reasons: Any = error.response.get("CancellationReasons", ())
    return {reason.get("Code", "None") for reason in reasons} - {"None"}


def _is_in_the_way(error: ClientError) -> bool:
    """Whether nothing but another transaction, or too many of them, has kept DynamoDB from the call."""
    passing = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
    why = _why(error)
    return error.response["Error"]["Code"] == "TransactionConflictException" or (bool(why) and why <= passing)
