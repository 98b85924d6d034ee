"""The ledger: every verdict, every replaced policy and every action, who and why.

One DynamoDB table, partitioned by key ARN. Entries are written once and never again; their sort key is the time of
the cause, the cause's ID and the step, so that a second run of the same work meets its own entries. Beside them each
key has one item `STATE`, which says what was last seen and what was last settled (told, acted on, recorded).
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from kms_perimeter.errors import LedgerConflict
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import UpdateItemInputTypeDef

STATE = "state"
KEPT_REMEDIATIONS = 20  # as many as the template's ContestedAfter can ask for

# A claim lasts for as long as the function that made it can run; then its maker is dead and the work is free again.
CLAIM = timedelta(minutes=2)

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Kind(StrEnum):
    """The kinds of entries, in the order in which one cause writes them."""

    VERDICT = "1-verdict"
    PLANNED = "2-planned"
    REMEDIATED = "3-remediated"
    REFUSED = "3-refused"
    CONTESTED = "4-contested"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about a key, as far as it decides whether anything is new.

    Attributes:
        outcome: of the verdict, or ``unreadable``.
        fingerprint: of the policy that was judged; empty where there was none to read.
        perimeter: name of the perimeter that the key was judged by; empty for none.
    """

    outcome: str
    fingerprint: str
    perimeter: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger.

    Attributes:
        key_arn: the key.
        at: when the cause happened.
        cause: ID of the CloudTrail event or of the sweep.
        kind: what the entry tells.
        actor: who caused it.
        facts: everything else by name: ``outcome``, ``policy``, ``before``, ``after``, ``diff``, ``reason`` and so on.
            ``policy_hash`` is part of the entry's name, since one cause may meet the key with one policy and later,
            tried again, with another.
    """

    key_arn: str
    at: datetime
    cause: str
    kind: Kind
    actor: str = ""
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def sort_key(self) -> str:
        """The entry's name within its key: by time, then by cause, then by step, then by policy."""
        return f"{_cause(self.at, self.cause)}{self.kind.value}#{self.facts.get('policy_hash', '')[:12]}"


@dataclass(frozen=True, slots=True)
class State:
    """What the ledger knows about a key before the present run.

    Attributes:
        settled: the last finding that was told, acted on and recorded; None for a key never seen before.
        remediated_at: when the guard last changed the key, oldest first, at most `KEPT_REMEDIATIONS`.
        contested_since: since when the key is left alone, or None.
        refused: fingerprint of the policy that could not be remediated, which people have been told; empty for none.
        planned: fingerprint of the policy that the guard last meant to put; empty for none.
    """

    settled: Finding | None = None
    remediated_at: tuple[datetime, ...] = ()
    contested_since: datetime | None = None
    refused: str = ""
    planned: str = ""

    def remediations_since(self, start: datetime) -> int:
        """How often the guard changed the key after `start`."""
        return sum(at > start for at in self.remediated_at)


class Ledger:
    """The ledger's table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def observe(self, key_arn: str, finding: Finding, now: datetime) -> State:
        """Notes that the key was looked at, and returns the state before. One call, the only one for a quiet key."""
        seen = {"seen_outcome": finding.outcome, "seen_fingerprint": finding.fingerprint, "seen_at": _text(now)}
        return _state(self._set(key_arn, seen))

    def state(self, key_arn: str) -> State:
        """The key's state; an empty one for a key never seen before."""
        return _state(self._get(key_arn, STATE))

    def claim(self, key_arn: str, finding: Finding, now: datetime) -> None:
        """Takes the work on a new finding for this run.

        Raises:
            LedgerConflict: another run is at the same finding right now; try again later and find it settled.
        """
        free = "attribute_not_exists(claim) OR claim <> :claim OR claimed_at < :stale"
        claim = {"claim": f"{finding.outcome}#{finding.fingerprint}#{finding.perimeter}", "claimed_at": _text(now)}
        self._set(key_arn, claim, only_if=free, stale=_text(now - CLAIM))

    def settle(self, key_arn: str, finding: Finding, seen_at: datetime) -> None:
        """Notes that all about this finding is done. An older finding does not overwrite a newer one."""
        settled = {
            "settled_outcome": finding.outcome,
            "settled_fingerprint": finding.fingerprint,
            "settled_perimeter": finding.perimeter,
            "settled_at": _text(seen_at),
            "claim": "",
        }
        with suppress(LedgerConflict):
            self._set(key_arn, settled, only_if="attribute_not_exists(settled_at) OR settled_at <= :settled_at")

    def count_remediation(self, key_arn: str, now: datetime) -> None:
        """Adds a remediation to the key's state. The FIFO group sees to it that no two runs do so at once."""
        times = [_text(at) for at in (*self.state(key_arn).remediated_at, now)]
        self._set(key_arn, {"remediated_at": times[-KEPT_REMEDIATIONS:]})

    def contest(self, key_arn: str, now: datetime) -> None:
        """Marks the key as contested.

        Raises:
            LedgerConflict: it is marked already.
        """
        unmarked = "attribute_not_exists(contested_since) OR contested_since = :nothing"
        self._set(key_arn, {"contested_since": _text(now)}, only_if=unmarked, nothing="")

    def release(self, key_arn: str) -> None:
        """Takes the mark `contested` off the key."""
        self._set(key_arn, {"contested_since": ""})

    def refuse(self, key_arn: str, fingerprint: str) -> None:
        """Notes that people have been told that this policy of the key cannot be remediated."""
        self._set(key_arn, {"refused": fingerprint})

    def plan(self, key_arn: str, fingerprint: str) -> None:
        """Notes which policy the guard is about to put, so that its own event is known when it comes round."""
        self._set(key_arn, {"planned": fingerprint})

    def write(self, entry: Entry) -> None:
        """Writes an entry for good.

        Raises:
            LedgerConflict: the entry is there already, from an earlier run of the same work.
        """
        item = {
            "key_arn": entry.key_arn,
            "entry": entry.sort_key,
            "day": _text(entry.at)[:10],
            "at": _text(entry.at),
            "cause": entry.cause,
            "kind": entry.kind.value,
            "actor": entry.actor,
            **entry.facts,
        }
        with _conflicts(entry.sort_key):
            self._client.put_item(
                TableName=self._table,
                Item={name: _serialize(value) for name, value in item.items()},
                ConditionExpression="attribute_not_exists(key_arn)",
            )

    def of_cause(self, key_arn: str, at: datetime, cause: str) -> tuple[Entry, ...]:
        """What this cause has already written about this key, in the order of the steps."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="key_arn = :key AND begins_with(entry, :cause)",
            ExpressionAttributeValues={":key": {"S": key_arn}, ":cause": {"S": _cause(at, cause)}},
            ConsistentRead=True,
        )
        return tuple(_entry(_plain(item)) for item in answer["Items"])

    def entries(self, key_arn: str, *, newest_first: bool = True) -> Iterator[Entry]:
        """The key's entries."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="key_arn = :key AND entry < :state",
            ExpressionAttributeValues={":key": {"S": key_arn}, ":state": {"S": STATE}},
            ScanIndexForward=not newest_first,
        )
        yield from (_entry(_plain(item)) for page in pages for item in page["Items"])

    def last_enclosed(self, key_arn: str) -> str | None:
        """The last policy of the key that was judged to be enclosed, or None."""
        policies = (
            entry.facts.get("after" if entry.kind is Kind.REMEDIATED else "policy")
            for entry in self.entries(key_arn)
            if entry.facts.get("outcome") == Outcome.ENCLOSED
        )
        return next((policy for policy in policies if policy), None)

    def keys(self) -> Iterator[tuple[str, State]]:
        """Every key that the ledger knows, with its state."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="entry = :state",
            ExpressionAttributeValues={":state": {"S": STATE}},
        )
        items = (_plain(item) for page in pages for item in page["Items"])
        yield from ((item["key_arn"], _state(item)) for item in items)

    def _get(self, key_arn: str, sort_key: str) -> dict[str, Any]:
        name = {"key_arn": {"S": key_arn}, "entry": {"S": sort_key}}
        return _plain(self._client.get_item(TableName=self._table, Key=name, ConsistentRead=True).get("Item", {}))

    def _set(
        self, key_arn: str, attributes: Mapping[str, Any], only_if: str | None = None, **also: str
    ) -> dict[str, Any]:
        """Sets attributes of the key's state and returns the state before; `also` are values for the condition."""
        call: UpdateItemInputTypeDef = {
            "TableName": self._table,
            "Key": {"key_arn": {"S": key_arn}, "entry": {"S": STATE}},
            "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in attributes),
            "ExpressionAttributeValues": {f":{name}": _serialize(v) for name, v in {**attributes, **also}.items()},
            "ReturnValues": "ALL_OLD",
        }
        if only_if:
            call["ConditionExpression"] = only_if
        with _conflicts(f"{key_arn}: {', '.join(attributes)}"):
            answer = self._client.update_item(**call)
        return _plain(answer.get("Attributes", {}))


@contextmanager
def _conflicts(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            raise LedgerConflict(f"the ledger has it already: {what}") from error
        raise


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _cause(at: datetime, cause: str) -> str:
    return f"{at.astimezone(UTC).isoformat(timespec='seconds')}#{cause}#"


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in item.items()}


def _state(item: Mapping[str, Any]) -> State:
    settled = None
    if "settled_outcome" in item:
        settled = Finding(item["settled_outcome"], item["settled_fingerprint"], item["settled_perimeter"])
    since = item.get("contested_since")
    return State(
        settled,
        tuple(datetime.fromisoformat(at) for at in item.get("remediated_at", ())),
        datetime.fromisoformat(since) if since else None,
        item.get("refused", ""),
        item.get("planned", ""),
    )


def _entry(item: Mapping[str, Any]) -> Entry:
    rest = dict(item)
    named = {name: rest.pop(name) for name in ("key_arn", "at", "cause", "kind", "actor")}
    facts = {name: value for name, value in rest.items() if name not in ("entry", "day")}
    at, kind = datetime.fromisoformat(named["at"]), Kind(named["kind"])
    return Entry(named["key_arn"], at, named["cause"], kind, named["actor"], facts)
