"""What is known about the key that a policy is attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_USAGE = "ENCRYPT_DECRYPT"
DEFAULT_SPEC = "SYMMETRIC_DEFAULT"


@record
class Key:
    """A KMS key as far as its policy's meaning depends on it.

    Attributes:
        account: the 12-digit account that owns the key, or None where it is not known.
        region: the key's Region, or None.
        key_id: the key ID (``mrk-…`` for a multi-Region key), or None.
        usage: `KeyUsage` of `DescribeKey`: what the key may be used for.
        spec: `KeySpec` of `DescribeKey`.
        tags: the key's tags, or None where they are not known.
        aliases: alias names with the prefix ``alias/``, or None where they are not known.
        origin: `Origin` of `DescribeKey`, or None.
        multi_region: whether it is a multi-Region key, or None.
        partition: ``aws``, ``aws-cn`` or ``aws-us-gov``.
    """

    account: str | None = None
    region: str | None = None
    key_id: str | None = None
    usage: str = DEFAULT_USAGE
    spec: str = DEFAULT_SPEC
    tags: Mapping[str, str] | None = None
    aliases: tuple[str, ...] | None = None
    origin: str | None = None
    multi_region: bool | None = None
    partition: str = "aws"

    def __hash__(self) -> int:
        """By what can be hashed: not the tags."""
        return hash((self.account, self.region, self.key_id, self.usage, self.spec, self.aliases, self.partition))

    @property
    def is_multi_region(self) -> bool | None:
        """Whether it is a multi-Region key: the ID of each of those, and of no other key, begins with ``mrk-``."""
        if self.multi_region is None and self.key_id is not None:
            return self.key_id.startswith("mrk-")
        return self.multi_region

    @property
    def arn(self) -> str | None:
        """The key's ARN, or None unless account, Region and key ID are all known."""
        if self.account and self.region and self.key_id:
            return f"arn:{self.partition}:kms:{self.region}:{self.account}:key/{self.key_id}"
        return None
