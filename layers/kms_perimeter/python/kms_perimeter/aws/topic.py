"""The topic for alerts: plain text for e-mail, JSON with Slack's blocks for functions and queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

    from kms_perimeter.message import Message

TEXT_BYTES = 60_000  # SNS takes 256 KB for all bodies together, and each body here carries the text once


class Topic:
    """One SNS topic."""

    def __init__(self, client: SNSClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, message: Message) -> None:
        """Publishes a message. Subscribers can filter by the attributes severity, verdict, key and kind."""
        text = shortened(message.text, TEXT_BYTES)
        structured = json.dumps(
            {"text": text, "blocks": message.blocks, "data": message.data, "dedup_key": message.dedup_key}, default=str
        )
        names = ("severity", "verdict", "key", "kind")
        self._client.publish(
            TopicArn=self._arn,
            Subject=message.subject,
            MessageStructure="json",
            Message=json.dumps({"default": text, "email": text, "lambda": structured, "sqs": structured}),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": str(message.data[name])}
                for name in names
                if message.data.get(name)
            },
        )


def shortened(text: str, most: int) -> str:
    """The text, cut to `most` bytes of UTF-8, and a word about it if it was cut."""
    whole = text.encode()
    if len(whole) <= most:
        return text
    return whole[:most].decode(errors="ignore") + "\n(cut here; the ledger has all of it)"
