"""The operations of AWS KMS: what each needs of the key, and who can call it.

Source: *AWS KMS permissions* in the AWS KMS Developer Guide, and the Service Authorization Reference for AWS KMS.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from kms_perimeter.policy import wildcard
from kms_perimeter.policy.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kms_perimeter.policy.key import Key


@record
class Operation:
    """One operation of KMS.

    Attributes:
        name: such as ``kms:Decrypt``.
        group: ``cryptographic``, ``administrative``, ``grants``, ``read``, or ``account`` for what is not done to a
            key and which a key policy therefore cannot allow.
        usages: values of `KeyUsage` that the operation works with; empty means every key.
        cross_account: whether the key policy can let a principal of another account do it.
        grantable: whether a grant can give it (`Operations` of `CreateGrant`).
        symmetric_encryption_only: works only with `SYMMETRIC_DEFAULT` keys.
    """

    name: str
    group: str
    usages: frozenset[str] = frozenset()
    cross_account: bool = False
    grantable: bool = False
    symmetric_encryption_only: bool = False


_ENCRYPT = frozenset({"ENCRYPT_DECRYPT"})
_SIGN = frozenset({"SIGN_VERIFY"})
_MAC = frozenset({"GENERATE_VERIFY_MAC"})
_AGREE = frozenset({"KEY_AGREEMENT"})


def _cryptographic(usages: frozenset[str], names: str, *, symmetric: bool = False) -> list[Operation]:
    return [Operation(f"kms:{n}", "cryptographic", usages, True, True, symmetric) for n in names.split()]  # noqa: FBT003


def _group(group: str, names: str) -> list[Operation]:
    return [Operation(f"kms:{n}", group) for n in names.split()]


_TABLE = (
    *_cryptographic(_ENCRYPT, "Encrypt Decrypt ReEncryptFrom ReEncryptTo"),
    *_cryptographic(
        _ENCRYPT,
        "GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext",
        symmetric=True,
    ),
    *_cryptographic(_SIGN, "Sign Verify"),
    *_cryptographic(_MAC, "GenerateMac VerifyMac"),
    *_cryptographic(_AGREE, "DeriveSharedSecret"),
    Operation("kms:CreateGrant", "grants", cross_account=True, grantable=True),
    Operation("kms:ListGrants", "grants", cross_account=True),
    Operation("kms:RevokeGrant", "grants", cross_account=True),
    Operation("kms:RetireGrant", "grants", grantable=True),
    Operation("kms:DescribeKey", "read", cross_account=True, grantable=True),
    Operation("kms:GetPublicKey", "read", _ENCRYPT | _SIGN | _AGREE, cross_account=True, grantable=True),
    Operation("kms:GetKeyRotationStatus", "read", cross_account=True),
    *_group(
        "read",
        "GetKeyPolicy GetKeyLastUsage GetParametersForImport ListKeyPolicies ListKeyRotations ListResourceTags",
    ),
    *_group(
        "administrative",
        "PutKeyPolicy EnableKey DisableKey EnableKeyRotation DisableKeyRotation RotateKeyOnDemand ScheduleKeyDeletion"
        " CancelKeyDeletion ImportKeyMaterial DeleteImportedKeyMaterial UpdateKeyDescription UpdatePrimaryRegion"
        " ReplicateKey SynchronizeMultiRegionKey TagResource UntagResource CreateAlias UpdateAlias DeleteAlias",
    ),
    *_group(
        "account",
        "CreateKey ListKeys ListAliases ListRetirableGrants GenerateRandom ConnectCustomKeyStore CreateCustomKeyStore"
        " DeleteCustomKeyStore DescribeCustomKeyStores DisconnectCustomKeyStore UpdateCustomKeyStore",
    ),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({op.name: op for op in _TABLE})
"""Every operation by its name as AWS spells it."""

BY_LOWER_NAME: Mapping[str, Operation] = MappingProxyType({op.name.lower(): op for op in _TABLE})
"""The same by lower-case name: action names are not case-sensitive."""

GROUP_NAMES = ("cryptographic", "administrative", "grants", "read")
GROUPS: Mapping[str, frozenset[str]] = MappingProxyType(
    {group: frozenset(op.name for op in _TABLE if op.group == group) for group in GROUP_NAMES}
)
"""The groups that a perimeter's rule can name."""

# A key policy cannot allow these: the first is "not effective in a key policy" (AWS KMS permissions), the second is
# called by KMS itself between the Regions of a multi-Region key.
NOT_ALLOWED_BY_KEY_POLICY = frozenset({"kms:RetireGrant", "kms:SynchronizeMultiRegionKey"})


def expand(patterns: Iterable[str]) -> frozenset[str]:
    """The operations on keys that group names or action patterns stand for.

    Args:
        patterns: names of `GROUPS`, or action names with ``*`` and ``?``, case folded as IAM does.

    Returns:
        Names as AWS spells them; a pattern that matches no operation on a key adds none.
    """
    return _expand(tuple(patterns))


@lru_cache(maxsize=1024)
def _expand(patterns: tuple[str, ...]) -> frozenset[str]:
    found: set[str] = set()
    for pattern in patterns:
        found |= GROUPS.get(pattern) or {
            op.name
            for lower, op in BY_LOWER_NAME.items()
            if op.group != "account" and wildcard.matches(pattern.lower(), lower)
        }
    return frozenset(found)


def possible_on(key: Key) -> tuple[Operation, ...]:
    """The operations that this key can perform, by its `KeyUsage` and `KeySpec`.

    A usage that this table does not know (AWS adds some) rules nothing out, so that no operation is overlooked.
    """
    return _possible(key.usage, key.spec)


def mask_possible_on(key: Key) -> int:
    """The same as a mask."""
    return _mask_possible(key.usage, key.spec)


@lru_cache(maxsize=64)
def _mask_possible(usage: str, spec: str) -> int:
    return mask(frozenset(op.name for op in _possible(usage, spec)))


@lru_cache(maxsize=64)
def _possible(usage: str, spec: str) -> tuple[Operation, ...]:
    known = any(usage in op.usages for op in _TABLE)
    return tuple(op for op in _TABLE if op.group != "account" and (not known or _performs(usage, spec, op)))


@lru_cache(maxsize=1024)
def mask(names: frozenset[str]) -> int:
    """Operations as a number with a bit for each, in the order of the table: sets of them are told apart by it."""
    return sum(1 << place for place, op in enumerate(_TABLE) if op.name in names)


@lru_cache(maxsize=1024)
def of_mask(bits: int) -> tuple[Operation, ...]:
    """The operations of a mask, in the order of the table."""
    return tuple(op for place, op in enumerate(_TABLE) if bits >> place & 1)


CROSS_ACCOUNT = mask(frozenset(op.name for op in _TABLE if op.cross_account))
"""As a mask, the operations that work across accounts."""

ALLOWED_BY_KEY_POLICY = ~mask(NOT_ALLOWED_BY_KEY_POLICY)
"""As a mask, the operations that a key policy can allow."""


def _performs(usage: str, spec: str, op: Operation) -> bool:
    if op.symmetric_encryption_only and spec != "SYMMETRIC_DEFAULT":
        return False
    if op.name == "kms:GetPublicKey" and spec == "SYMMETRIC_DEFAULT":
        return False
    return not op.usages or usage in op.usages
