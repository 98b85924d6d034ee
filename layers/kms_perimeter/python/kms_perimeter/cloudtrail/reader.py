"""From a CloudTrail record to the change of a key.

Shapes: *Logging AWS KMS API calls with AWS CloudTrail* in the AWS KMS Developer Guide, one page per operation. They
have changed over the years (see `_key_arn`), so a key is looked for wherever one of them puts it. Whatever a record
holds, reading it raises nothing: one odd record must not block the batch that it came in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kms_perimeter.cloudtrail.change import WATCHED, Ignored, IgnoredReason, KeyChange
from kms_perimeter.cloudtrail.record import Odd, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):([0-9]{12}):key/([A-Za-z0-9-]+)")
_KEY_ID = re.compile(r"(mrk-)?[0-9a-f-]{32,36}")
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eusc-": "aws-eusc",
}


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
        return _change(Record(detail), event_id)
    except Odd as odd:
        return Ignored(odd.reason, odd.detail, event_id)


def partition_of(region: str) -> str:
    """The partition that a Region is in, by the beginning of its name."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def _change(record: Record, event_id: str) -> KeyChange:
    name = _watched_event(record)
    if not event_id:
        raise Odd(IgnoredReason.UNREADABLE, "`eventID` is not a string")
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


def _watched_event(record: Record) -> str:
    source, name, code = record.text("eventSource"), record.text("eventName") or "", record.text("errorCode")
    if source != "kms.amazonaws.com":
        raise Odd(IgnoredReason.NOT_KMS, f"the event source is `{source}`")
    if code:
        raise Odd(IgnoredReason.FAILED_CALL, f"{name} failed with {code}")
    if record.flag("readOnly"):
        raise Odd(IgnoredReason.READ_ONLY, f"{name} only reads")
    if name not in WATCHED:
        raise Odd(IgnoredReason.OTHER_EVENT, f"{name or 'an event without a name'} does not change what a key allows")
    return name


def _key_arn(record: Record, name: str) -> str:
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
        raise Odd(IgnoredReason.NO_KEY, f"{name} names no key")
    return arns[0]


def _as_key_arn(value: str, record: Record) -> str | None:
    if _KEY_ARN.fullmatch(value):
        return value
    region, account = record.text("awsRegion"), record.text("recipientAccountId")
    if not (region and account and _KEY_ID.fullmatch(value)):  # an alias, or something else
        return None
    arn = f"arn:{partition_of(region)}:kms:{region}:{account}:key/{value}"
    return arn if _KEY_ARN.fullmatch(arn) else None


def _replica_arn(record: Record, parameters: Record) -> Iterator[str]:
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
        raise Odd(IgnoredReason.AWS_MANAGED_KEY, "AWS manages the key")
    if alias and alias.startswith("alias/aws/"):  # the prefix is reserved for AWS managed keys
        raise Odd(IgnoredReason.AWS_MANAGED_KEY, f"`{alias}` is the alias of a key that AWS manages")


def _refuse_foreign(record: Record, account: str) -> None:
    recipient = record.text("recipientAccountId")
    if recipient and recipient != account:  # KMS logs a call across accounts in the caller's account too
        raise Odd(IgnoredReason.ANOTHER_ACCOUNT, f"the key belongs to {account}, the record to {recipient}")


def _time(record: Record) -> datetime:
    text = record.text("eventTime") or ""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Odd(IgnoredReason.UNREADABLE, "`eventTime` is not a time") from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _actor(identity: Record) -> str:
    said = (identity.text(name) for name in ("arn", "invokedBy", "principalId", "accountId", "type"))
    return next((actor for actor in said if actor), "unknown")


def _policy(record: Record, name: str) -> str | None:
    parameters = record.part("requestParameters")
    if name == "ReplicateKey":
        return record.part("responseElements").text("replicaPolicy") or parameters.text("policy")
    return parameters.text("policy")


def _truncated(record: Record) -> bool:
    parts = (record, record.part("requestParameters"), record.part("responseElements"))
    return any(part.flag("omitted") for part in parts)
