"""The deployed probe, asked in the words of the tests."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from local.embedded import EmbeddedAws

_Seen = TypeVar("_Seen")


@dataclass(frozen=True)
class Probe:
    """A running AWS with the probe's stack on it, and the stack's outputs."""

    aws: EmbeddedAws
    outputs: dict[str, str]

    def seen(self, word: str) -> list[str]:
        """What the function wrote down that has this word in it, in the order in which it came."""
        items = self.aws.client("dynamodb").scan(TableName=self.outputs["LedgerName"])["Items"]
        in_order = sorted(items, key=lambda item: str(item["sk"]["S"]))
        return [str(item["body"]["S"]) for item in in_order if word in item["body"]["S"]]

    def sources(self, word: str) -> list[str]:
        """Where that came from: `sqs`, `sns`, or a direct call."""
        items = self.aws.client("dynamodb").scan(TableName=self.outputs["LedgerName"])["Items"]
        return [str(item["pk"]["S"]) for item in items if word in item["body"]["S"]]

    def order(self, **order: str) -> dict[str, Any]:
        """Call the function directly and give what it returns."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.outputs["FunctionName"], Payload=json.dumps(order).encode()
        )
        returned: dict[str, Any] = json.loads(answer["Payload"].read())
        return returned

    def send(self, output: str, body: str, **more: str) -> None:
        """Send a message to the queue with this output's URL."""
        self.aws.client("sqs").send_message(QueueUrl=self.outputs[output], MessageBody=body, **more)


def until(look: Callable[[], _Seen], seconds: float = 10) -> _Seen:
    """Look again and again until there is something to see; give what was seen last."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.03)
    return found
