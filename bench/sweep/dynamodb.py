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
_COUNTING = "SET expires_at = :expires_at ADD #name :more"


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
        if operation == "TransactWriteItems":
            return self._transact(parameters["TransactItems"])
        raise Refused("UnknownOperationException", operation)

    def age_claims(self) -> None:
        """Makes what the dead have claimed as old as it is when their messages come back from a queue of the template.

        There that takes six minutes, three times as long as a claim lasts; here nobody waits for so long.
        """
        for place, item in self.items.items():
            if "claimed_at" in item:
                self.items[place] = {**item, "claimed_at": {"S": "2026-01-01T00:00:00.000+00:00"}}

    def _transact(self, writes: list[dict[str, Any]]) -> dict[str, Any]:
        """All of it or nothing."""
        calls = [call for write in writes for call in write.items()]
        held = [self._is_met(_place(call["Item" if verb == "Put" else "Key"]), call) for verb, call in calls]
        if not all(held):
            reasons = [{"Code": "None" if holds else "ConditionalCheckFailed"} for holds in held]
            raise Refused("TransactionCanceledException", "Transaction cancelled", {"CancellationReasons": reasons})
        for verb, call in calls:
            if verb == "Put":
                self._write(_place(call["Item"]), call["Item"], call)
            elif verb == "Update":
                self._update(call)
            else:
                raise Refused("ValidationException", verb)
        return {}

    def _update(self, parameters: dict[str, Any]) -> dict[str, Any]:
        place, values = _place(parameters["Key"]), parameters["ExpressionAttributeValues"]
        before = self.items.get(place, {})
        expression, names = parameters["UpdateExpression"], parameters["ExpressionAttributeNames"]
        if expression == _COUNTING:
            count = int(before.get(names["#name"], {"N": "0"})["N"]) + int(values[":more"]["N"])
            changed: Item = {names["#name"]: {"N": str(count)}, "expires_at": values[":expires_at"]}
        elif expression == "SET " + ", ".join(f"{alias} = :{alias[1:]}" for alias in names):
            changed = {name: values[f":{alias[1:]}"] for alias, name in names.items()}
        else:
            raise Refused("ValidationException", expression)
        told = self._write(place, {**parameters["Key"], **before, **changed}, parameters)
        return {"Attributes": changed if expression == _COUNTING else before, **told}

    def _is_met(self, place: tuple[str, str], parameters: dict[str, Any]) -> bool:
        """Whether the condition of a write holds."""
        condition, item = parameters.get("ConditionExpression"), self.items.get(place, {})
        groups = condition.split(" AND ") if condition else ()
        return all(any(_holds(term, item, parameters) for term in _alternatives(group)) for group in groups)

    def _write(self, place: tuple[str, str], item: Item, parameters: dict[str, Any]) -> dict[str, Any]:
        if not self._is_met(place, parameters):
            raise Refused("ConditionalCheckFailedException", "The conditional request failed")
        self.items[place] = item
        if place[0].startswith("sweep/"):
            self.sweeps.add(place)
        return {}


def _alternatives(group: str) -> list[str]:
    return (group[1:-1] if group.startswith("(") else group).split(" OR ")


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
