"""SQS queues that listen: one subscribed to the alerts, as a customer's would be, one to what CloudTrail tells."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from local.embedded import EmbeddedAws
from local.stage.patience import until

_MOST = 10  # as many messages as one call gives


@dataclass(frozen=True)
class Alert:
    """What the alerts' topic delivered.

    Attributes:
        subject: The subject of the e-mail.
        text: The text of the e-mail.
        data: The same for programs.
    """

    subject: str
    text: str
    data: dict[str, Any]

    @classmethod
    def read(cls, body: str) -> Self:
        """From the envelope that SNS puts around a message to a queue."""
        envelope = json.loads(body)
        message = json.loads(envelope["Message"])
        return cls(envelope["Subject"], message["text"], message["data"])


@dataclass(frozen=True)
class Record:
    """A CloudTrail record.

    Attributes:
        event_id: CloudTrail's ID of the event.
        name: The operation.
        actor: The ARN of the caller.
        error: The error code of a refused call; empty for one that was carried out.
        text: The whole record, as JSON.
    """

    event_id: str
    name: str
    actor: str
    error: str
    text: str

    @classmethod
    def read(cls, body: str) -> Self:
        """From the event that EventBridge delivers."""
        detail = json.loads(body)["detail"]
        actor, error = detail["userIdentity"]["arn"], detail.get("errorCode", "")
        return cls(detail["eventID"], detail["eventName"], actor, error, json.dumps(detail))


_Item = TypeVar("_Item", Alert, Record)


class Inbox(Generic[_Item]):
    """A queue that listens, and everything that it has got so far."""

    def __init__(self, aws: EmbeddedAws, name: str, read: Callable[[str], _Item], clue: Callable[[], str]) -> None:
        """Make the queue; nothing is subscribed to yet.

        Args:
            aws: Where.
            name: The queue's name.
            read: Makes an item of a message's body.
            clue: What to read when something does not come.
        """
        self._sqs = aws.client("sqs")
        self._url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self._read: Callable[[str], _Item] = read
        self._clue = clue
        self._items: list[_Item] = []

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def items(self) -> list[_Item]:
        """Everything that has come until now, oldest first."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=_MOST).get("Messages"):
            for message in messages:
                self._items.append(self._read(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return list(self._items)

    def those(self, fits: Callable[[_Item], bool]) -> list[_Item]:
        """Those that fit, of everything that has come until now."""
        return [item for item in self.items() if fits(item)]

    def wait_for(self, fits: Callable[[_Item], bool], what: str, *, count: int = 1) -> _Item:
        """Wait until `count` items that fit have come in all; give the last of these.

        Raises:
            TookTooLong: Fewer came in time.
        """

        def look() -> _Item | None:
            found = self.those(fits)
            return found[count - 1] if len(found) >= count else None

        return until(look, what, self._clue)


def about(key: str, kind: str | None = None) -> Callable[[Alert], bool]:
    """Fits the alerts about a key, of one kind or of all."""
    return lambda alert: alert.data.get("key") == key and kind in (None, alert.data["kind"])


def call_of(name: str, key: str) -> Callable[[Record], bool]:
    """Fits the records of an operation on a key."""
    return lambda record: record.name == name and key in record.text


def put_by(role: str, key: str) -> Callable[[Record], bool]:
    """Fits the records of the policies that a role, given by its name, has put on a key."""
    return lambda record: call_of("PutKeyPolicy", key)(record) and f"/{role}/" in record.actor


def listen_to_topic(aws: EmbeddedAws, topic: str, clue: Callable[[], str]) -> Inbox[Alert]:
    """An inbox that gets every alert."""
    inbox = Inbox(aws, "alerts-inbox", Alert.read, clue)
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn)
    return inbox


def listen_to_trail(aws: EmbeddedAws, clue: Callable[[], str]) -> Inbox[Record]:
    """An inbox that gets every record about KMS that reaches the default bus, those of refused calls too."""
    inbox, events = Inbox(aws, "trail-inbox", Record.read, clue), aws.client("events")
    pattern = {"source": ["aws.kms"], "detail-type": ["AWS API Call via CloudTrail"]}
    events.put_rule(Name="trail-inbox", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="trail-inbox", Targets=[{"Id": "inbox", "Arn": inbox.arn}])
    return inbox
