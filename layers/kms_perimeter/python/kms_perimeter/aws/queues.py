"""The two queues: changes (standard) and remediations (first in, first out for each key)."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from kms_perimeter.errors import KmsPerimeterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

T = TypeVar("T")

MESSAGES_PER_CALL = 10  # the most that SendMessageBatch takes


class NotAllWereSent(KmsPerimeterError):
    """SQS took some messages of a batch and refused others; which, says the message."""


class Queue:
    """One queue that messages are sent to."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send_in_order(self, body: Mapping[str, Any], *, group: str, once: str) -> None:
        """Sends to a FIFO queue.

        Args:
            body: the message.
            group: messages of one group are worked on one after the other.
            once: SQS drops a message with the same mark for five minutes.
        """
        self._client.send_message(
            QueueUrl=self._url, MessageBody=json.dumps(body), MessageGroupId=group[:128], MessageDeduplicationId=once
        )

    def send_all(self, bodies: Iterable[Mapping[str, Any]]) -> int:
        """Sends many messages to a standard queue in as few calls as possible; returns how many.

        Raises:
            NotAllWereSent: SQS refused some. The others are on their way; sending all of them again does no harm.
        """
        return sum(self._send_batch(batch) for batch in batches(bodies, MESSAGES_PER_CALL))

    def _send_batch(self, bodies: Sequence[Mapping[str, Any]]) -> int:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(bodies)
        ]
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        if failed := answer.get("Failed"):
            why = failed[0].get("Message", failed[0]["Code"])
            raise NotAllWereSent(f"{len(failed)} of {len(bodies)} messages: {why}")
        return len(bodies)


def batches(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items in their order, `size` at a time; the last batch may be shorter."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch
