"""What a CloudTrail record says: a change of a key, or why it is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy.advisories import Advisory, Code

if TYPE_CHECKING:
    from datetime import datetime

    from kms_perimeter.perimeter import Perimeter

WATCHED = (
    "CreateKey",
    "PutKeyPolicy",
    "ReplicateKey",
    "CreateGrant",
    "TagResource",
    "UntagResource",
    "CreateAlias",
    "UpdateAlias",
    "DeleteAlias",
    "CancelKeyDeletion",
)
"""The events that can change what a key's policy means or which perimeter it is under.

`CancelKeyDeletion` too: the guard leaves a dying key alone, and KMS lets its policy be put meanwhile.
"""
POLICY_CALLS = ("CreateKey", "PutKeyPolicy", "ReplicateKey")
"""The calls after which a key's policy is another. After the others only its perimeter may be."""


class IgnoredReason(StrEnum):
    """Why a record is not read as a change of a key."""

    NOT_KMS = "not-kms"
    FAILED_CALL = "failed-call"
    READ_ONLY = "read-only"
    OTHER_EVENT = "other-event"
    NO_KEY = "no-key"
    AWS_MANAGED_KEY = "aws-managed-key"
    ANOTHER_ACCOUNT = "another-account"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A record that tells of no change of a key of ours.

    Attributes:
        reason: the fixed word, for the log and the metric.
        detail: what exactly, for a person.
        event_id: CloudTrail's ID of the event, empty where it cannot be read.
    """

    reason: IgnoredReason
    detail: str
    event_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """What `replay` prints."""
        return {"reason": self.reason.value, "detail": self.detail, "event_id": self.event_id}


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A call that changed a key, as CloudTrail tells it.

    Attributes:
        event_id: CloudTrail's ID of the event; the same when CloudTrail delivers the event again.
        event_name: the operation, such as ``PutKeyPolicy``.
        time: when the call was completed, in UTC, to the second.
        key_arn: the key; for ``ReplicateKey`` the replica.
        account: the account that owns the key.
        region: the Region of the key; for ``ReplicateKey`` not the Region of the record.
        actor: ARN of the caller, or the name of the service that called.
        source_ip: the caller's address as recorded; the name of a service, where one called for somebody.
        vpc_endpoint_id: the endpoint that the call came through, or None.
        policy: the text of the key policy that the call set, where the record carries it.
        truncated: CloudTrail left parameters out, since they were over 100 KB together.
    """

    event_id: str
    event_name: str
    time: datetime
    key_arn: str
    account: str
    region: str
    actor: str
    source_ip: str | None = None
    vpc_endpoint_id: str | None = None
    policy: str | None = None
    truncated: bool = False

    def to_json(self) -> dict[str, Any]:
        """What `replay` prints."""
        return {
            "event_id": self.event_id,
            "event_name": self.event_name,
            "time": f"{self.time:%Y-%m-%dT%H:%M:%SZ}",
            "key_arn": self.key_arn,
            "account": self.account,
            "region": self.region,
            "actor": self.actor,
            "source_ip": self.source_ip,
            "vpc_endpoint_id": self.vpc_endpoint_id,
            "policy": self.policy,
            "truncated": self.truncated,
        }


def came_from_outside(change: KeyChange, perimeter: Perimeter) -> bool | None:
    """Whether the call itself came from none of the perimeter's networks.

    CloudTrail names the endpoint of a call but not its VPC, so a call through an endpoint that no rule names may still
    have come from an approved VPC, account or organization.

    Returns:
        True or False, or None where the record cannot tell.
    """
    if change.source_ip is None or _is_service(change.source_ip):  # a service calls for somebody: from where is hidden
        return None
    if change.vpc_endpoint_id is None:
        return True
    if any(change.vpc_endpoint_id in rule.vpc_endpoints for rule in perimeter.rules):
        return False
    wider = any(rule.vpcs or rule.vpce_accounts or rule.vpce_org_ids for rule in perimeter.rules)
    return None if wider else True


def advisory_on(change: KeyChange, *, outside: bool | None) -> tuple[Advisory, ...]:
    """The advisory `created-from-outside`, if the change has set a key's policy and `came_from_outside`; else none."""
    if not outside or change.event_name not in POLICY_CALLS:
        return ()
    through = f"`{change.vpc_endpoint_id}`, which is not approved" if change.vpc_endpoint_id else "no VPC endpoint"
    message = f"`{change.event_name}` itself came from outside: from {change.source_ip}, through {through}"
    return (Advisory(Code.CREATED_FROM_OUTSIDE, None, message),)


def _is_service(address: str) -> bool:
    return address == "AWS Internal" or address.endswith((".amazonaws.com", ".amazonaws.com.cn"))
