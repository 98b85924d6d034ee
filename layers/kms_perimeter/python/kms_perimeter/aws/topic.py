"""The topic for alerts: plain text for e-mail, JSON with Slack's blocks for functions and queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sns import SNSClient

    from kms_perimeter.message import Message

FILTERS = ("severity", "verdict", "key", "kind")
KEPT = (*FILTERS, "perimeter", "key_usage", "console")  # what is left of the data where all of it is too long
MESSAGE_BYTES = 250_000  # SNS: "a maximum of 262,144 bytes", attributes and names included
TEXT_BYTES = 20_000


class Topic:
    """One SNS topic."""

    def __init__(self, client: SNSClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, message: Message) -> None:
        """Publishes a message. Subscribers can filter by the attributes severity, verdict, key and kind."""
        known = {name: str(message.data[name]) for name in FILTERS if message.data.get(name)}
        self._client.publish(
            TopicArn=self._arn,
            Subject=message.subject,
            MessageStructure="json",
            Message=fitted(message),
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in known.items()},
        )


def fitted(message: Message) -> str:
    """The message for every protocol, as SNS takes it: whole if that fits, else cut, which it says itself."""
    whole = _for_each_protocol(message, message.text, message.data)
    if len(whole.encode()) <= MESSAGE_BYTES:
        return whole
    kept = {name: value for name, value in message.data.items() if name in KEPT}
    return _for_each_protocol(message, shortened(message.text, TEXT_BYTES), {**kept, "cut": True})


def shortened(text: str, most: int) -> str:
    """The text, cut to `most` bytes of UTF-8, and a word about it if it was cut."""
    whole = text.encode()
    if len(whole) <= most:
        return text
    return whole[:most].decode(errors="ignore") + "\n(cut here; the ledger has all of it)"


def _for_each_protocol(message: Message, text: str, data: Mapping[str, Any]) -> str:
    told = {"text": text, "blocks": message.blocks, "data": data, "dedup_key": message.dedup_key}
    structured = json.dumps(told, ensure_ascii=False, default=str)
    return json.dumps({"default": text, "lambda": structured, "sqs": structured}, ensure_ascii=False)
