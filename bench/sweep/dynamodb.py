"""DynamoDB, as far as the ledger uses it: whatever it does not know it refuses, so that nothing passes by accident."""

from __future__ import annotations

import operator
import re
from collections import Counter
from typing import Any

from bench.sweep.wire import Refused

Item = dict[str, Any]

_COMPARISONS = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le}
_TERM = re.compile(r"attribute_not_exists\((?P<absent>[#\w]+)\)|(?P<name>[#\w]+) (?P<how>=|<>|<=|<) (?P<value>:\w+)")


class DynamoDb:
    """One table, whose key is ``key_arn`` and ``entry``."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.sweeps: set[tuple[str, str]] = set()
        self.calls: Counter[str] = Counter()

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One call.

        Raises:
            Refused: its condition does not hold, or it is none that the ledger makes.
        """
        self.calls[operation] += 1
        if operation == "BatchGetItem":
            ((table, asked),) = parameters["RequestItems"].items()
            found = [item for key in asked["Keys"] if (item := self.items.get(_place(key)))]
            return {"Responses": {table: found}, "UnprocessedKeys": {}}
        if operation == "GetItem":
            found_one = self.items.get(_place(parameters["Key"]))
            return {"Item": found_one} if found_one else {}
        if operation == "PutItem":
            return self._write(_place(parameters["Item"]), parameters["Item"], parameters)
        if operation == "UpdateItem":
            return self._update(parameters)
        raise Refused("UnknownOperationException", operation)

    def _update(self, parameters: dict[str, Any]) -> dict[str, Any]:
        place, values = _place(parameters["Key"]), parameters["ExpressionAttributeValues"]
        before = self.items.get(place, {})
        verb, _, rest = parameters["UpdateExpression"].partition(" ")
        names = {name: f":{name[1:]}" for name in parameters["ExpressionAttributeNames"]}
        if verb == "ADD":
            (name,) = parameters["ExpressionAttributeNames"].values()
            count = int(before.get(name, {"N": "0"})["N"]) + int(values[":one"]["N"])
            changed: Item = {name: {"N": str(count)}}
        elif rest == ", ".join(f"{alias} = {value}" for alias, value in names.items()):
            changed = {name: values[names[alias]] for alias, name in parameters["ExpressionAttributeNames"].items()}
        else:
            raise Refused("ValidationException", parameters["UpdateExpression"])
        told = self._write(place, {**parameters["Key"], **before, **changed}, parameters)
        return {"Attributes": changed if verb == "ADD" else before, **told}

    def _write(self, place: tuple[str, str], item: Item, parameters: dict[str, Any]) -> dict[str, Any]:
        condition = parameters.get("ConditionExpression")
        if condition and not any(
            _holds(term, self.items.get(place, {}), parameters) for term in condition.split(" OR ")
        ):
            raise Refused("ConditionalCheckFailedException", "The conditional request failed")
        self.items[place] = item
        if place[0].startswith("sweep/"):
            self.sweeps.add(place)
        return {}


def _holds(term: str, item: Item, parameters: dict[str, Any]) -> bool:
    found = _TERM.fullmatch(term)
    if not found:
        raise Refused("ValidationException", term)
    names = parameters.get("ExpressionAttributeNames", {})
    if absent := found["absent"]:
        return names.get(absent, absent) not in item
    value = item.get(names.get(found["name"], found["name"]))
    wanted = parameters["ExpressionAttributeValues"][found["value"]]
    return value is not None and bool(_COMPARISONS[found["how"]](_plain(value), _plain(wanted)))


def _plain(value: dict[str, Any]) -> Any:  # noqa: ANN401 - strings compare with strings, numbers with numbers
    ((how, what),) = value.items()
    return float(what) if how == "N" else what


def _place(item: Item) -> tuple[str, str]:
    return item["key_arn"]["S"], item["entry"]["S"]
