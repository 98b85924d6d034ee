"""What AWS has in its memory, so that to look is no call of anybody and takes no time.

Everything here reads what moto keeps, and changes nothing.
"""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from kms_perimeter.aws.ledger.state import STATE
from tests.unit.account import OURS, REGION


def policy_of(key_arn: str) -> str:
    """The policy that the key has."""
    return str(kms_backends[OURS][REGION].keys[key_arn.rpartition("/")[2]].policy)


def entries_of(key_arn: str) -> list[dict[str, str]]:
    """What is in the ledger about the key, but for its state."""
    items = dynamodb_backends[OURS][REGION].tables["ledger"].items
    mine: dict[Any, Any] = next((those for name, those in items.items() if name.value == key_arn), {})
    told = (item for name, item in mine.items() if name.value != STATE)
    return [{name: value.value for name, value in item.attrs.items()} for item in told]


def waiting(url: str) -> int:
    """How many messages are in the queue, those that are hidden for a while among them."""
    return len(_queue(url)._messages)  # noqa: SLF001 - `messages` leaves out what is hidden


def visible(url: str) -> int:
    """How many messages in the queue can be taken now."""
    return len(_queue(url).messages)


def objects(bucket: str) -> dict[str, bytes]:
    """What is in a bucket, by name, as it is now."""
    return {name: stored.value for name, stored in s3_backends[OURS]["aws"].buckets[bucket].keys.items()}


def _queue(url: str) -> Any:  # noqa: ANN401 - moto's own
    return sqs_backends[OURS][REGION].queues[url.rpartition("/")[2]]
