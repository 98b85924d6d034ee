"""KMS: many keys, and its request quotas as token buckets."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.sweep.wire import Refused
from tests.unit.account import OPEN, OURS, REGION, closed

ARN = f"arn:aws:kms:{REGION}:{OURS}:key/"
# "Request quotas", AWS KMS Developer Guide.
QUOTAS = {"ListKeys": 500, "DescribeKey": 2000, "GetKeyPolicy": 1000, "ListGrants": 100}
TOO_FAST = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
POLICIES = {"open": json.dumps(json.loads(OPEN)), "enclosed": closed()}


def kind(number: int) -> str:
    """What a key is: of a hundred, five are AWS's, two dying, three open, the others enclosed."""
    place = number % 100
    return "aws" if place < 5 else "dying" if place < 7 else "open" if place < 10 else "enclosed"  # noqa: PLR2004


@dataclass(slots=True)
class Bucket:
    """A token bucket that holds the calls of one second."""

    rate: float
    tokens: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        """Whether one more call is within the rate."""
        now = time.monotonic()
        self.tokens, self.at = min(self.rate, self.tokens + (now - self.at) * self.rate), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Kms:
    """The keys of an account, the first of which are AWS's own.

    Attributes:
        described: how often each key was described.
        read: how often the policy of each was read.
        calls: by operation, those that were answered.
        throttled: by operation, those that were refused.
        looked_at: how many keys were described.
        looks: the times of the first and the last look at a key.
    """

    def __init__(self, keys: int, left: float) -> None:
        """As many keys; the account's applications leave so much of each quota."""
        self.keys = keys
        self.described, self.read = bytearray(keys), bytearray(keys)
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.looks: list[float] = []
        self.looked_at = 0
        self._buckets = {operation: Bucket(rate * left) for operation, rate in QUOTAS.items()}

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One call.

        Raises:
            Refused: it is one too many.
        """
        if operation not in self._buckets:
            raise Refused("UnknownOperationException", operation)
        if not self._buckets[operation].take():
            self.throttled[operation] += 1
            raise Refused("ThrottlingException", TOO_FAST)
        self.calls[operation] += 1
        if operation == "ListKeys":
            return self._page(int(parameters.get("Marker", 0)), parameters["Limit"])
        number = int(parameters["KeyId"].removeprefix(ARN))
        self.looks[1:] = [time.time()]
        if operation == "ListGrants":
            return {"Grants": [], "Truncated": False}
        if operation == "DescribeKey":
            self.looked_at += not self.described[number]
            self.described[number] = min(255, self.described[number] + 1)
            return {"KeyMetadata": _metadata(number)}
        self.read[number] = min(255, self.read[number] + 1)
        return {"Policy": POLICIES[kind(number)], "PolicyName": "default"}

    def _page(self, first: int, limit: int) -> dict[str, Any]:
        last = min(first + limit, self.keys)
        listed = [{"KeyArn": f"{ARN}{number:08}", "KeyId": f"{number:08}"} for number in range(first, last)]
        return {
            "Keys": listed,
            "Truncated": last < self.keys,
            **({"NextMarker": str(last)} if last < self.keys else {}),
        }


def _metadata(number: int) -> dict[str, Any]:
    return {
        "AWSAccountId": OURS,
        "KeyId": f"{number:08}",
        "Arn": f"{ARN}{number:08}",
        "KeyManager": "AWS" if kind(number) == "aws" else "CUSTOMER",
        "KeyState": "PendingDeletion" if kind(number) == "dying" else "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "Origin": "AWS_KMS",
        "MultiRegion": False,
    }
