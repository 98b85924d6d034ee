"""Dead letters: messages that were given up, to be looked at and sent back.

They are sent back by receiving, sending and deleting, not by `StartMessageMoveTask`: that moves all of a queue or
nothing, and it takes only what SQS itself has moved there ("dead-letter queues whose sources are other Amazon SQS
queues"), while EventBridge leaves here what it could not deliver. A message may so be sent twice, which does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef, SendMessageBatchRequestEntryTypeDef

AT_ONCE = 10  # the most that ReceiveMessage and SendMessageBatch take
HIDDEN = 60  # seconds; long enough to send a batch, short enough for what is left to be there at the next try


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up.

    Attributes:
        message_id: its ID; SQS keeps it when it moves the message here.
        body: its text.
        sent_at: when it was first sent.
        receives: how often it was received, here included.
        group: its group, in a FIFO queue.
        said: what a service of AWS that left it here says about it, by attribute, such as ``ERROR_MESSAGE``.
        receipt: for deleting it.
    """

    message_id: str
    body: str
    sent_at: datetime
    receives: int
    group: str | None
    said: Mapping[str, str]
    receipt: str


class DeadLetters:
    """One queue of dead letters."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def count(self) -> int:
        """How many there are, as far as SQS knows: about right, and exact once the queue is at rest."""
        told = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(told["Attributes"]["ApproximateNumberOfMessages"])

    def look(self, most: int) -> list[DeadLetter]:
        """Up to so many of them. They are there for others again afterwards.

        Of a FIFO queue that may be fewer than there are: while the first messages of a group are looked at, SQS gives
        out no more of that group.
        """
        seen = list(self.take(most))
        for letter in seen:
            self.leave(letter)
        return seen

    def take(self, most: int) -> Iterator[DeadLetter]:
        """Up to so many of them, each once, hidden from others for `HIDDEN` seconds."""
        taken: set[str] = set()
        most = min(most, self.count())  # a letter that is given up again meanwhile is not taken again
        while len(taken) < most:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(AT_ONCE, most - len(taken)),
                VisibilityTimeout=HIDDEN,
                WaitTimeSeconds=1,  # asks all of SQS's servers, so that nothing that is there is missed
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            fresh = [_letter(one) for one in answer.get("Messages", ()) if one["MessageId"] not in taken]
            if not fresh:
                return
            taken.update(one.message_id for one in fresh)
            yield from fresh

    def send_back(self, letter: DeadLetter, url: str) -> bool:
        """Sends one to a queue and then deletes it here; whether that queue took it."""
        answer = self._client.send_message_batch(QueueUrl=url, Entries=[_entry(letter)])
        if sent := bool(answer.get("Successful")):
            self.delete(letter)
        return sent

    def leave(self, letter: DeadLetter) -> None:
        """Leaves one where it is, there for others again."""
        self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)

    def delete(self, letter: DeadLetter) -> None:
        """Deletes one that was dealt with."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)


def _letter(message: MessageTypeDef) -> DeadLetter:
    attributes = message.get("Attributes", {})
    said = {name: one.get("StringValue", "") for name, one in message.get("MessageAttributes", {}).items()}
    return DeadLetter(
        message_id=message["MessageId"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        receives=int(attributes["ApproximateReceiveCount"]),
        group=attributes.get("MessageGroupId"),
        said=said,
        receipt=message["ReceiptHandle"],
    )


def _entry(letter: DeadLetter) -> SendMessageBatchRequestEntryTypeDef:
    entry: SendMessageBatchRequestEntryTypeDef = {"Id": "1", "MessageBody": letter.body}
    if letter.group:
        # A mark of its own: SQS drops a message whose mark it has seen within five minutes, and it would be gone.
        entry |= {"MessageGroupId": letter.group, "MessageDeduplicationId": f"redriven-{letter.message_id}"}
    return entry
