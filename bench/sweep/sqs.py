"""SQS, standard queues: delays, visibility timeouts, long polling, deletion."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_numbers = itertools.count()


@dataclass(slots=True)
class Queue:
    """One queue.

    Attributes:
        hides: seconds for which a message is hidden from others once somebody has taken it.
        bodies: what is in it, by message ID.
    """

    hides: float
    bodies: dict[str, str] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)
    _due: list[tuple[float, int, str]] = field(default_factory=list)
    _taken: dict[str, float] = field(default_factory=dict)

    def put(self, body: str, delay: float) -> str:
        """Puts a message in, to be had in so many seconds."""
        number = next(_numbers)
        message_id = f"message-{number}"
        self.bodies[message_id] = body
        heapq.heappush(self._due, (time.monotonic() + delay, number, message_id))
        return message_id

    def take(self, most: int) -> list[dict[str, Any]]:
        """Up to so many messages that are to be had now."""
        taken: list[dict[str, Any]] = []
        now = time.monotonic()
        while self._due and self._due[0][0] <= now and len(taken) < most:
            _, number, message_id = heapq.heappop(self._due)
            if message_id not in self.bodies:
                continue
            self._taken[message_id] = now + self.hides
            heapq.heappush(self._due, (now + self.hides, number, message_id))
            self.received[message_id] += 1
            taken.append(self._message(message_id))
        return taken

    def delete(self, message_id: str) -> None:
        """Takes a message out for good."""
        self.bodies.pop(message_id, None)
        self._taken.pop(message_id, None)

    def counts(self) -> tuple[int, int, int]:
        """How many are ready, delayed and taken."""
        now = time.monotonic()
        taken = sum(until > now for until in self._taken.values())
        ready = sum(due <= now and message_id in self.bodies for due, _, message_id in self._due)
        return ready, len(self.bodies) - ready - taken, taken

    def _message(self, message_id: str) -> dict[str, Any]:
        body = self.bodies[message_id]
        return {
            "MessageId": message_id,
            "ReceiptHandle": message_id,
            "Body": body,
            "MD5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "Attributes": {"ApproximateReceiveCount": str(self.received[message_id])},
        }


class Sqs:
    """The queues, by the last part of their URLs."""

    def __init__(self, hides: float) -> None:
        self.queues = {name: Queue(hides) for name in ("changes", "sweeps", "digest")}
        self.calls: Counter[str] = Counter()

    async def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One call."""
        queue = self.queues[parameters["QueueUrl"].rsplit("/", 1)[-1]]
        self.calls[operation] += 1
        if operation == "ReceiveMessage":
            return {"Messages": await _receive(queue, parameters)}
        if operation == "GetQueueAttributes":
            names = ("", "Delayed", "NotVisible")
            counts = zip(names, queue.counts(), strict=True)
            return {"Attributes": {f"ApproximateNumberOfMessages{name}": str(count) for name, count in counts}}
        sent = [(entry, _one(operation, queue, entry)) for entry in parameters.get("Entries", [parameters])]
        if operation == "SendMessage":
            return sent[0][1]
        return {"Successful": [{"Id": entry["Id"], **told} for entry, told in sent], "Failed": []}


async def _receive(queue: Queue, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    until = time.monotonic() + parameters.get("WaitTimeSeconds", 0)
    while True:
        taken = queue.take(parameters.get("MaxNumberOfMessages", 1))
        if taken or time.monotonic() >= until:
            return taken
        await asyncio.sleep(0.05)


def _one(operation: str, queue: Queue, entry: dict[str, Any]) -> dict[str, Any]:
    if operation.startswith("Delete"):
        queue.delete(entry["ReceiptHandle"])
        return {}
    body = entry["MessageBody"]
    message_id = queue.put(body, entry.get("DelaySeconds", 0))
    return {"MessageId": message_id, "MD5OfMessageBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()}
