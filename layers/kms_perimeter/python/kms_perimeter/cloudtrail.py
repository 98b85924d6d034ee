"""CloudTrail records: what happened to which key, or the named reason why a record is none of our business.

Shapes: *Logging AWS KMS API calls with AWS CloudTrail* in the AWS KMS Developer Guide, one page per operation. They
have changed over the years (see `_key_arn`), so a key is looked for wherever one of them puts it. Whatever a record
holds, reading it raises nothing: one odd record must not block the batch that it came in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

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
)
"""The events that can change what a key's policy means or which perimeter it is under."""

_KEY_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):([0-9]{12}):key/([A-Za-z0-9-]+)")
_KEY_ID = re.compile(r"(mrk-)?[0-9a-f-]{32,36}")
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eusc-": "aws-eusc",
}


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


class _Odd(Exception):
    def __init__(self, reason: IgnoredReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Record:
    """A record whose members may be of any type; asking for one says which type is expected."""

    def __init__(self, value: Mapping[str, Any], path: str = "") -> None:
        self._value = value
        self._path = path

    def text(self, name: str) -> str | None:
        """The string `name`, or None where it is absent, null or empty."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, str):
            self._refuse(name, "a string")
        return value or None

    def flag(self, name: str) -> bool:
        """Whether `name` is true; CloudTrail has also written the word."""
        return self._value.get(name) in (True, "true")

    def part(self, name: str) -> _Record:
        """The object `name`; an empty one where it is absent or null."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, Mapping):
            self._refuse(name, "an object")
        return _Record(value or {}, f"{self._path}{name}.")

    def parts(self, name: str) -> Iterator[_Record]:
        """The objects of the list `name`; none where it is absent or null."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, list):
            self._refuse(name, "a list")
        for i, item in enumerate(value or ()):
            if not isinstance(item, Mapping):
                self._refuse(f"{name}[{i}]", "an object")
            yield _Record(item, f"{self._path}{name}[{i}].")

    def _refuse(self, name: str, expected: str) -> None:
        raise _Odd(IgnoredReason.UNREADABLE, f"`{self._path}{name}` is not {expected}")


def read(record: object) -> KeyChange | Ignored:
    """What a CloudTrail record says about a key.

    Args:
        record: the record itself, or EventBridge's envelope with the record as its ``detail``.

    Returns:
        The change, or why it is none. Never raises, whatever the record holds.
    """
    detail = record.get("detail", record) if isinstance(record, Mapping) else None
    if not isinstance(detail, Mapping):
        return Ignored(IgnoredReason.UNREADABLE, "the record is not an object")
    raw_id = detail.get("eventID")
    event_id = raw_id if isinstance(raw_id, str) else ""
    try:
        return _change(_Record(detail), event_id)
    except _Odd as odd:
        return Ignored(odd.reason, odd.detail, event_id)


def partition_of(region: str) -> str:
    """The partition that a Region is in, by the beginning of its name."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


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


def _change(record: _Record, event_id: str) -> KeyChange:
    name = _watched_event(record)
    if not event_id:
        raise _Odd(IgnoredReason.UNREADABLE, "`eventID` is not a string")
    key_arn = _key_arn(record, name)
    region, account = key_arn.split(":")[3:5]
    _refuse_foreign(record, account)
    return KeyChange(
        event_id=event_id,
        event_name=name,
        time=_time(record),
        key_arn=key_arn,
        account=account,
        region=region,
        actor=_actor(record.part("userIdentity")),
        source_ip=record.text("sourceIPAddress"),
        vpc_endpoint_id=record.text("vpcEndpointId"),
        policy=_policy(record, name),
        truncated=_truncated(record),
    )


def _watched_event(record: _Record) -> str:
    source, name, code = record.text("eventSource"), record.text("eventName") or "", record.text("errorCode")
    if source != "kms.amazonaws.com":
        raise _Odd(IgnoredReason.NOT_KMS, f"the event source is `{source}`")
    if code:
        raise _Odd(IgnoredReason.FAILED_CALL, f"{name} failed with {code}")
    if record.flag("readOnly"):
        raise _Odd(IgnoredReason.READ_ONLY, f"{name} only reads")
    if name not in WATCHED:
        raise _Odd(IgnoredReason.OTHER_EVENT, f"{name or 'an event without a name'} does not change what a key allows")
    return name


def _key_arn(record: _Record, name: str) -> str:
    """The key's ARN, from the most reliable place that has it.

    `resources` names the key in every record since December 2022. Before that CreateGrant and ReplicateKey could have
    it empty, and responses without a key ID of their own did not get the ARN that CloudTrail adds today.
    """
    response, parameters = record.part("responseElements"), record.part("requestParameters")
    replica, created = response.part("replicaKeyMetadata"), response.part("keyMetadata")
    _refuse_aws_managed(created.text("keyManager"), parameters.text("aliasName"))
    said = [replica.text("arn"), created.text("arn")]
    if name != "ReplicateKey":  # its resources and parameters name the primary
        said += [resource.text("ARN") for resource in record.parts("resources")]
        said += [response.text("keyId"), parameters.text("keyId"), parameters.text("targetKeyId")]
    arns = [arn for value in said if value and (arn := _as_key_arn(value, record))]
    if name == "ReplicateKey" and not arns:
        arns = list(_replica_arn(record, parameters))
    if not arns:
        raise _Odd(IgnoredReason.NO_KEY, f"{name} names no key")
    return arns[0]


def _as_key_arn(value: str, record: _Record) -> str | None:
    if _KEY_ARN.fullmatch(value):
        return value
    region, account = record.text("awsRegion"), record.text("recipientAccountId")
    if not (region and account and _KEY_ID.fullmatch(value)):  # an alias, or something else
        return None
    arn = f"arn:{partition_of(region)}:kms:{region}:{account}:key/{value}"
    return arn if _KEY_ARN.fullmatch(arn) else None


def _replica_arn(record: _Record, parameters: _Record) -> Iterator[str]:
    """The replica's ARN made from the primary's: they differ in nothing but the Region."""
    region = parameters.text("replicaRegion")
    named = [resource.text("ARN") for resource in record.parts("resources")] + [parameters.text("keyId")]
    for value in named:
        primary = _as_key_arn(value, record) if value else None
        if primary and region:
            parts = primary.split(":")
            yield ":".join([*parts[:3], region, *parts[4:]])


def _refuse_aws_managed(manager: str | None, alias: str | None) -> None:
    if manager == "AWS":
        raise _Odd(IgnoredReason.AWS_MANAGED_KEY, "AWS manages the key")
    if alias and alias.startswith("alias/aws/"):  # the prefix is reserved for AWS managed keys
        raise _Odd(IgnoredReason.AWS_MANAGED_KEY, f"`{alias}` is the alias of a key that AWS manages")


def _refuse_foreign(record: _Record, account: str) -> None:
    recipient = record.text("recipientAccountId")
    if recipient and recipient != account:  # KMS logs a call across accounts in the caller's account too
        raise _Odd(IgnoredReason.ANOTHER_ACCOUNT, f"the key belongs to {account}, the record to {recipient}")


def _time(record: _Record) -> datetime:
    text = record.text("eventTime") or ""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise _Odd(IgnoredReason.UNREADABLE, "`eventTime` is not a time") from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _actor(identity: _Record) -> str:
    said = (identity.text(name) for name in ("arn", "invokedBy", "principalId", "accountId", "type"))
    return next((actor for actor in said if actor), "unknown")


def _policy(record: _Record, name: str) -> str | None:
    parameters = record.part("requestParameters")
    if name == "ReplicateKey":
        return record.part("responseElements").text("replicaPolicy") or parameters.text("policy")
    return parameters.text("policy")


def _truncated(record: _Record) -> bool:
    parts = (record, record.part("requestParameters"), record.part("responseElements"))
    return any(part.flag("omitted") for part in parts)


def _is_service(address: str) -> bool:
    return address == "AWS Internal" or address.endswith((".amazonaws.com", ".amazonaws.com.cn"))
