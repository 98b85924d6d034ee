"""What the ledger has of many keys as they are now, and of each that is not enclosed, the verdict that was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.ledger.entry import Entry, Kind
from kms_perimeter.aws.ledger.state import STATE, Finding, State
from kms_perimeter.aws.ledger.table import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_PER_CALL = 100  # the most that BatchGetItem takes
# An entry may have two policies of 32 KB. The one that is wanted is among the newest, but for a key that somebody keeps
# changing to and fro, which is then told without its details.
PAGE, MOST_ENTRIES = 5, 100


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a key.

    Attributes:
        key_arn: the key.
        state: the key's state.
        finding: what was found last, settled or not; None for a key that only a person has said something about.
        seen_at: when a look at the key has found anything last, or None.
    """

    key_arn: str
    state: State
    finding: Finding | None
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Past:
    """What was recorded about a policy of a key.

    Attributes:
        verdict: the entry with the verdict, or None where it is not among the newest.
        refused: why the guard did not change this policy; empty where it did not refuse.
    """

    verdict: Entry | None
    refused: str = ""


class Recorded:
    """The ledger's table, read for a picture of all keys."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def known(self, key_arns: Collection[str]) -> Iterator[Known]:
        """What is known of these keys, at most `KEYS_PER_CALL`, in no order; without those never looked at."""
        yield from map(_known, self._table.get_many((key_arn, STATE) for key_arn in key_arns))

    def past(self, key_arn: str, finding: Finding) -> Past:
        """What was recorded about this finding of the key."""
        refused = ""
        for entry in self._newest(key_arn):
            if entry.facts.get("policy_hash", "") != finding.fingerprint:
                continue
            if entry.kind is Kind.REFUSED and not refused:
                refused = entry.facts.get("reason", "")
            judged = (entry.facts.get("outcome"), entry.facts.get("perimeter", ""))
            if entry.kind is Kind.VERDICT and judged == (finding.outcome, finding.perimeter):
                return Past(entry, refused)
        return Past(None, refused)

    def _newest(self, key_arn: str) -> Iterator[Entry]:
        items = self._table.query(
            "key_arn = :key AND entry < :state", newest_first=True, page=PAGE, key=key_arn, state=STATE
        )
        yield from map(Entry.from_item, islice(items, MOST_ENTRIES))


def _known(item: Mapping[str, Any]) -> Known:
    state = State.from_item(item)
    seen, finding = state.seen_at, state.settled
    # The guard settles what it has put itself, and that is newer than the last look.
    if seen and (state.settled_at is None or seen > state.settled_at):
        finding = Finding(item["seen_outcome"], item["seen_fingerprint"], item["seen_perimeter"])
    return Known(item["key_arn"], state, finding, seen)
