"""KMS keys and their policies, as far as the guard reads and writes them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kms_perimeter.errors import AccessIsDenied, KeyIsGone, KmsRefusal, MarkerIsInvalid, PolicyIsRefused
from kms_perimeter.policy.key import DEFAULT_SPEC, DEFAULT_USAGE, Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_kms import KMSClient

POLICY_NAME = "default"  # KMS: "The only valid value is default."
KEYS_PER_PAGE = 1000  # the most that ListKeys gives

# Everything else (throttling, KMSInternalException, DependencyTimeoutException, time-outs) passes, so that the record
# is tried again and in the end lands in the dead-letter queue, where an alarm sees it.
REFUSALS: dict[str, type[KmsRefusal]] = {
    "NotFoundException": KeyIsGone,
    "AccessDeniedException": AccessIsDenied,
    "AccessDenied": AccessIsDenied,
    "MalformedPolicyDocumentException": PolicyIsRefused,
    "LimitExceededException": PolicyIsRefused,
    "KMSInvalidStateException": PolicyIsRefused,
    "UnsupportedOperationException": PolicyIsRefused,
    "InvalidArnException": PolicyIsRefused,
    "ValidationException": PolicyIsRefused,
    "InvalidMarkerException": MarkerIsInvalid,
}


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key as `DescribeKey` tells it.

    Attributes:
        arn: the key's ARN.
        key: what its policy's meaning depends on.
        manager: ``CUSTOMER`` or ``AWS``.
        state: ``Enabled``, ``Disabled``, ``PendingDeletion`` and so on.
    """

    arn: str
    key: Key
    manager: str
    state: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list of keys.

    Attributes:
        key_arns: the keys.
        next_marker: of the next page; empty after the last.
    """

    key_arns: tuple[str, ...]
    next_marker: str


class Keys:
    """The keys of one account and Region.

    Each method may raise `KmsRefusal`, and for what a retry may cure, `ClientError`.
    """

    def __init__(self, client: KMSClient) -> None:
        self._client = client

    @property
    def region(self) -> str:
        """The Region whose keys these are."""
        return self._client.meta.region_name

    def describe(self, key_arn: str) -> LiveKey:
        """What `DescribeKey` says about the key; without its tags and aliases, which cost more calls."""
        with refusals():
            told = self._client.describe_key(KeyId=key_arn)["KeyMetadata"]
        arn = told.get("Arn", key_arn)
        _, partition, _, region, account, _ = arn.split(":", 5)
        key = Key(
            account=account,
            region=region,
            key_id=told["KeyId"],
            usage=told.get("KeyUsage", DEFAULT_USAGE),
            spec=told.get("KeySpec", DEFAULT_SPEC),
            origin=told.get("Origin"),
            multi_region=told.get("MultiRegion"),
            partition=partition,
        )
        return LiveKey(arn, key, told.get("KeyManager", "CUSTOMER"), told.get("KeyState", "Enabled"))

    def with_tags(self, key: Key) -> Key:
        """The key with its tags."""
        with refusals():
            pages = self._client.get_paginator("list_resource_tags").paginate(KeyId=str(key.arn))
            return replace(key, tags={tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]})

    def with_aliases(self, key: Key) -> Key:
        """The key with its aliases."""
        with refusals():
            pages = self._client.get_paginator("list_aliases").paginate(KeyId=str(key.arn))
            return replace(key, aliases=tuple(alias["AliasName"] for page in pages for alias in page["Aliases"]))

    def aliases(self) -> Iterator[tuple[str, str]]:
        """Every alias and the ID of its key, those of keys that AWS manages among them: a hundred in a call."""
        with refusals():
            for page in self._client.get_paginator("list_aliases").paginate():
                yield from ((one["AliasName"], one["TargetKeyId"]) for one in page["Aliases"] if "TargetKeyId" in one)

    def policy(self, key_arn: str) -> str:
        """The text of the key's policy."""
        with refusals():
            return self._client.get_key_policy(KeyId=key_arn, PolicyName=POLICY_NAME)["Policy"]

    def service_grantees(self, key_arn: str) -> tuple[str, ...]:
        """AWS services, and roles that AWS works with, to whom grants give operations with the key.

        KMS: "when the grantee principal in the grant is an AWS service, the GranteePrincipal field contains the service
        principal". EBS works as the role `aws:ec2-infrastructure`, other services as service-linked roles.
        """
        with refusals():
            pages = self._client.get_paginator("list_grants").paginate(KeyId=key_arn)
            grantees = {grant.get("GranteePrincipal", "") for page in pages for grant in page["Grants"]}
        return tuple(sorted(grantee for grantee in grantees if _works_for_aws(grantee)))

    def put_policy(self, key_arn: str, policy: str) -> None:
        """Replaces the key's policy. KMS's lockout check is never skipped."""
        with refusals():
            self._client.put_key_policy(
                KeyId=key_arn, PolicyName=POLICY_NAME, Policy=policy, BypassPolicyLockoutSafetyCheck=False
            )

    def page(self, marker: str) -> Page:
        """Some keys, those that AWS manages among them: only `DescribeKey` can tell.

        Args:
            marker: of the page, as the page before gave it; empty for the first.

        Raises:
            MarkerIsInvalid: KMS does not take the marker (any more).
        """
        with refusals():
            told = self._client.list_keys(Limit=KEYS_PER_PAGE, **({"Marker": marker} if marker else {}))
        more = told.get("NextMarker", "") if told.get("Truncated") else ""
        return Page(tuple(key["KeyArn"] for key in told["Keys"]), more)

    def all(self) -> Iterator[str]:
        """The ARN of every key, those that AWS manages among them: only `DescribeKey` can tell."""
        pages = self._client.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": KEYS_PER_PAGE})
        for page in pages:
            yield from (key["KeyArn"] for key in page["Keys"])


def _works_for_aws(grantee: str) -> bool:
    service = grantee.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    return service or "aws:ec2-infrastructure" in grantee or ":role/aws-service-role/" in grantee


@contextmanager
def refusals() -> Iterator[None]:
    """Turns the errors that a retry does not cure into `KmsRefusal`."""
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code in REFUSALS:
            raise REFUSALS[code](code, message) from error
        raise
