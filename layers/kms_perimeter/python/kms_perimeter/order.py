"""The order to fix a key, as it travels in the remediation queue."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kms_perimeter.cloudtrail import KeyChange

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Order:
    """A key to be fixed.

    Attributes:
        change: what made the guard look at the key, without its policy: the live one is read again.
        policy_hash: fingerprint of the policy that escaped.
        approved_by: who said yes, where the mode asks for that; else None.
        plan_hash: fingerprint of the policy of the plan that was approved; else None.
    """

    change: KeyChange
    policy_hash: str
    approved_by: str | None = None
    plan_hash: str | None = None

    @property
    def once(self) -> str:
        """The same for two orders that ask for the same; SQS takes at most 128 characters.

        The key is part of it: one sweep finds many keys, often with the same policy, and SQS compares the marks of the
        whole queue, not those of one message group.
        """
        asked = f"{self.change.key_arn}#{self.change.event_id}#{self.policy_hash}#{self.approved_by}"
        return hashlib.sha256(asked.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The order as a message."""
        change = {**self.change.to_json(), "policy": None}
        approved = {"approved_by": self.approved_by, "plan_hash": self.plan_hash}
        return {"change": change, "policy_hash": self.policy_hash, **approved}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Order:
        """The order that a message holds; only this stack can send to the queue, so it is taken as it is."""
        change = KeyChange(**{**message["change"], "time": datetime.fromisoformat(message["change"]["time"])})
        approved = (message.get("approved_by"), message.get("plan_hash"))
        return cls(replace(change, policy=None), message["policy_hash"], *approved)
