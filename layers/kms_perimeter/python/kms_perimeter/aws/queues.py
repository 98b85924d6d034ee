"""The two queues: changes (standard) and remediations (first in, first out for each key)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from kms_perimeter.errors import KmsPerimeterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

T = TypeVar("T")

MESSAGES_PER_CALL = 10  # the most that SendMessageBatch takes
LONGEST_DELAY = 900  # seconds: the most that SQS takes

_COUNTS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class NotAllWereSent(KmsPerimeterError):
    """SQS took some messages of a batch and refused others; which, says the message."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages are in a queue.

    Attributes:
        ready: wait for somebody to take them.
        delayed: are held back yet.
        taken: are being worked on.
    """

    ready: int
    delayed: int
    taken: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.ready + self.delayed + self.taken


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
        return self.send_timed((body, 0) for body in bodies)

    def send_timed(self, messages: Iterable[tuple[Mapping[str, Any], int]]) -> int:
        """As `send_all`, each message with the seconds for which SQS holds it back; at most `LONGEST_DELAY`."""
        return sum(self._send_batch(batch) for batch in batches(messages, MESSAGES_PER_CALL))

    def waiting(self) -> Waiting:
        """What is in the queue; SQS gives the numbers approximately."""
        told = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(_COUNTS))["Attributes"]
        ready, delayed, taken = (int(told[name]) for name in _COUNTS)
        return Waiting(ready, delayed, taken)

    def _send_batch(self, messages: Sequence[tuple[Mapping[str, Any], int]]) -> int:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": json.dumps(body), "DelaySeconds": min(delay, LONGEST_DELAY)}
            for number, (body, delay) in enumerate(messages)
        ]
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        if failed := answer.get("Failed"):
            why = failed[0].get("Message", failed[0]["Code"])
            raise NotAllWereSent(f"{len(failed)} of {len(messages)} messages: {why}")
        return len(messages)


def batches(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items in their order, `size` at a time; the last batch may be shorter."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch
