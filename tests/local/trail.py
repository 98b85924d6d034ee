"""Listens on the default bus for CloudTrail records, as a rule of the real template does."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.embedded import EmbeddedAws

RECORDS = {"source": ["aws.kms"], "detail-type": ["AWS API Call via CloudTrail"]}


class Trail:
    """The CloudTrail events that come by, in their order."""

    def __init__(self, aws: EmbeddedAws, url: str, region: str) -> None:
        """Read from the queue with this URL."""
        self._sqs = aws.client("sqs", region=region)
        self._url = url

    def events(self, count: int) -> list[dict[str, Any]]:
        """Wait for this many events; give those that came, one more if one more came."""
        found: list[dict[str, Any]] = []
        for wait in (2, 2, 2, 0):
            if wait and len(found) >= count:
                continue
            answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=wait)
            for message in answer.get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def records(self, count: int) -> list[dict[str, Any]]:
        """The CloudTrail records in those events."""
        return [event["detail"] for event in self.events(count)]


@contextmanager
def listening(aws: EmbeddedAws, region: str = "us-east-1") -> Iterator[Trail]:
    """Listen for as long as the block lasts."""
    events, sqs = aws.client("events", region=region), aws.client("sqs", region=region)
    name = f"trail-{uuid.uuid4()}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps(RECORDS))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    try:
        yield Trail(aws, url, region)
    finally:
        events.remove_targets(Rule=name, Ids=["queue"])
        events.delete_rule(Name=name)
        sqs.delete_queue(QueueUrl=url)
