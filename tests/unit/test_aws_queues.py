import json
from typing import Any

import pytest

from kms_perimeter.aws.queues import NotAllWereSent, Queue, batches
from tests.unit.account import Account


def bodies(account: Account, queue: str) -> list[dict[str, Any]]:
    """What is in the queue."""
    taken: list[dict[str, Any]] = []
    while messages := account.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        taken += [json.loads(message["Body"]) for message in messages]
    return taken


def test_sends_many_messages_in_few_calls(account: Account) -> None:
    """SQS takes ten messages a call."""
    sent = Queue(account.sqs, account.inbox).send_all({"number": number} for number in range(23))

    assert sent == 23
    assert account.calls == ["SendMessageBatch"] * 3
    assert sorted(body["number"] for body in bodies(account, account.inbox)) == list(range(23))


def test_says_when_sqs_takes_only_a_part(account: Account) -> None:
    """A message that SQS refuses is not lost in silence."""

    def lose_the_last(parsed: dict[str, Any], **_: object) -> None:
        lost = parsed["Successful"].pop()
        parsed["Failed"] = [{"Id": lost["Id"], "Code": "InternalError", "SenderFault": False}]

    account.sqs.meta.events.register("after-call.sqs.SendMessageBatch", lose_the_last)

    with pytest.raises(NotAllWereSent, match=r"^1 of 3 messages: InternalError$"):
        Queue(account.sqs, account.inbox).send_all({"number": number} for number in range(3))


def test_the_same_order_is_taken_once(account: Account) -> None:
    """SQS drops the second of two orders with the same mark."""
    queue = Queue(account.sqs, account.orders)

    for _ in range(2):
        queue.send_in_order({"order": 1}, group="arn:aws:kms:us-east-1:123456789012:key/1", once="mark")

    assert bodies(account, account.orders) == [{"order": 1}]


def test_batches_keep_the_order_and_lose_nothing() -> None:
    """The last batch may be shorter; no items make no batch."""
    assert list(batches("abcdefg", 3)) == [("a", "b", "c"), ("d", "e", "f"), ("g",)]
    assert list(batches([], 3)) == []
