"""The ledger's table, in terms of plain values."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from kms_perimeter.errors import LedgerConflict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import UpdateItemInputTypeDef

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Table:
    """A DynamoDB table whose key is ``key_arn`` and ``entry``."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key_arn: str, entry: str) -> dict[str, Any]:
        """An item as it is now; an empty one if there is none."""
        answer = self._client.get_item(TableName=self._name, Key=_key(key_arn, entry), ConsistentRead=True)
        return plain(answer.get("Item", {}))

    def get_many(self, key_arns: Collection[str], entry: str) -> Iterator[dict[str, Any]]:
        """The items of several keys, at most 100, as they are now, in no order; without those that there are not."""
        asked: dict[str, Any] = {
            self._name: {"Keys": [_key(key_arn, entry) for key_arn in key_arns], "ConsistentRead": True}
        }
        while asked:
            answer = self._client.batch_get_item(RequestItems=asked)
            yield from map(plain, answer["Responses"].get(self._name, ()))
            asked = answer.get("UnprocessedKeys", {})

    def put_once(self, item: Mapping[str, Any]) -> None:
        """Writes an item for good.

        Raises:
            LedgerConflict: there is an item with this key.
        """
        with _conflicts(item["entry"]):
            self._client.put_item(
                TableName=self._name,
                Item={name: _serialize(value) for name, value in item.items()},
                ConditionExpression="attribute_not_exists(key_arn)",
            )

    def set(
        self, key_arn: str, entry: str, attributes: Mapping[str, Any], only_if: str | None = None, **also: str | int
    ) -> dict[str, Any]:
        """Sets attributes of an item and returns the item before; `also` are values for the condition.

        Raises:
            LedgerConflict: the condition does not hold.
        """
        call: UpdateItemInputTypeDef = {
            "TableName": self._name,
            "Key": _key(key_arn, entry),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
            "ExpressionAttributeValues": {f":{name}": _serialize(v) for name, v in {**attributes, **also}.items()},
            "ReturnValues": "ALL_OLD",
        }
        if only_if:
            call["ConditionExpression"] = only_if
        with _conflicts(f"{key_arn}: {', '.join(attributes)}"):
            answer = self._client.update_item(**call)
        return plain(answer.get("Attributes", {}))

    def count(self, key_arn: str, entry: str, name: str, only_if: str, **also: str) -> int:
        """Adds one to a number of an item and returns the sum.

        Raises:
            LedgerConflict: the condition does not hold.
        """
        with _conflicts(f"{key_arn}: {name}"):
            answer = self._client.update_item(
                TableName=self._name,
                Key=_key(key_arn, entry),
                UpdateExpression="ADD #name :one",
                ConditionExpression=only_if,
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":one": {"N": "1"}, **{f":{k}": _serialize(v) for k, v in also.items()}},
                ReturnValues="UPDATED_NEW",
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
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            raise LedgerConflict(f"the ledger has it already: {what}") from error
        raise
