import json
from typing import Any

import pytest

from kms_perimeter.aws.topic import TEXT_BYTES, Topic, shortened
from kms_perimeter.message import Message
from tests.unit.account import Account

DATA = {"kind": "alert", "severity": "high", "verdict": "escapes", "key": "arn:aws:kms:us-east-1:1:key/2", "more": None}
BLOCKS = [{"type": "header", "text": {"type": "plain_text", "text": "HIGH"}}]


def published(account: Account, message: Message) -> dict[str, Any]:
    """What SNS is asked for when the message is published."""
    asked: list[dict[str, Any]] = []
    account.sns.meta.events.register("provide-client-params.sns.Publish", lambda params, **_: asked.append(params))
    topic = account.sns.create_topic(Name="alerts")["TopicArn"]
    Topic(account.sns, topic).publish(message)
    return asked[0]


def test_each_protocol_gets_what_it_can_use(account: Account) -> None:
    """E-mail gets the text alone (it has no body of its own), functions and queues get the blocks and the data too."""
    asked = published(account, Message("HIGH: a key", "the text\n", BLOCKS, DATA, "alert/1"))

    by_protocol = json.loads(asked["Message"])
    assert asked["MessageStructure"] == "json"
    assert by_protocol["default"] == "the text\n"
    structured = {"text": "the text\n", "blocks": BLOCKS, "data": DATA, "dedup_key": "alert/1"}
    assert json.loads(by_protocol["lambda"]) == json.loads(by_protocol["sqs"]) == structured


def test_subscribers_can_filter_by_four_attributes(account: Account) -> None:
    """Severity, verdict, key and kind are attributes; SNS takes no empty one."""
    asked = published(account, Message("HIGH: a key", "text", [], DATA | {"verdict": None}, "alert/1"))

    values = {name: attribute["StringValue"] for name, attribute in asked["MessageAttributes"].items()}
    assert values == {"severity": "high", "key": DATA["key"], "kind": "alert"}


@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_message_fits_whatever_it_holds(account: Account, letter: str) -> None:
    """SNS takes 256 KB; a diff of two of the longest policies still goes through, cut where it must be."""
    long = letter * 140_000
    message = Message("HIGH", long, BLOCKS, DATA | {"diff": long}, "alert/1")

    asked = published(account, message)

    assert len(asked["Message"].encode()) < 256 * 1024


def test_text_is_cut_between_characters_and_says_so() -> None:
    """Half a character would be no text; a text that fits is not touched."""
    assert shortened("short", 10) == "short"
    assert shortened("üüü", 3) == "ü\n(cut here; the ledger has all of it)"
    assert len(shortened("x" * 2 * TEXT_BYTES, TEXT_BYTES)) < TEXT_BYTES + 100
