"""The condition keys that a request to KMS can carry: their type, and for which operations they exist.

Sources: *AWS global condition context keys* (IAM User Guide), *AWS KMS condition keys* (AWS KMS Developer Guide) and
the Service Authorization Reference for AWS KMS.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from kms_perimeter.policy.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.policy.key import Key


class Kind(StrEnum):
    """What the values of a key look like."""

    __hash__ = str.__hash__  # not that of `Enum`, which is Python's own and slow

    TEXT = "text"
    ARN = "arn"
    BOOL = "bool"
    NUMBER = "number"
    DATE = "date"
    IP = "ip"
    VPCE = "vpce"
    VPC = "vpc"
    ACCOUNT = "account"
    ORGANISATION = "organisation"
    REGION = "region"
    SERVICE = "service"
    REGIONAL_SERVICE = "regional-service"
    CHOICE = "choice"


@record
class ContextKey:
    """One condition key, or a family such as ``kms:EncryptionContext:``.

    Attributes:
        name: as AWS spells it.
        kind: what its values look like.
        multivalued: whether a request can carry several values.
        optional: whether a request that could carry it may also come without it.
        operations: the operations that have it; empty means all.
        choices: all its values, where `kind` is `Kind.CHOICE`.
    """

    name: str
    kind: Kind = Kind.TEXT
    multivalued: bool = False
    optional: bool = True
    operations: frozenset[str] = frozenset()
    choices: tuple[str, ...] = ()


def _ops(names: str) -> frozenset[str]:
    return frozenset(f"kms:{name}" for name in names.split())


_SYMMETRIC = _ops("Encrypt Decrypt ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext"
                  " GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext")  # fmt: skip
_CRYPTO = _SYMMETRIC | _ops("Sign Verify GenerateMac VerifyMac DeriveSharedSecret")
_CONTEXT = _SYMMETRIC | _ops("CreateGrant RetireGrant")
_GRANTS = _ops("CreateGrant ListGrants RevokeGrant")
_CREATE_GRANT = _ops("CreateGrant")
_ATTESTED = _ops("Decrypt DeriveSharedSecret GenerateDataKey GenerateDataKeyPair GenerateRandom")
_TAGGING = _ops("TagResource UntagResource")

_PAIR_SPECS = ("RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521",
               "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "SM2")  # fmt: skip
_KEY_SPECS = ("SYMMETRIC_DEFAULT", *_PAIR_SPECS, "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512",
              "ML_DSA_44", "ML_DSA_65", "ML_DSA_87")  # fmt: skip
_USAGES = ("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT")
_SIGNING = ("RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
            "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", "ECDSA_SHA_256", "ECDSA_SHA_384",
            "ECDSA_SHA_512", "ED25519_SHA_512", "ED25519_PH_SHA_512", "ML_DSA_SHAKE_256", "SM2DSA")  # fmt: skip
_GRANTABLE = ("Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom",
              "ReEncryptTo", "Sign", "Verify", "GetPublicKey", "CreateGrant", "RetireGrant", "DescribeKey",
              "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "VerifyMac",
              "DeriveSharedSecret")  # fmt: skip


def _choice(name: str, choices: tuple[str, ...], operations: frozenset[str] = frozenset(), **more: bool) -> ContextKey:
    return ContextKey(name, Kind.CHOICE, operations=operations, choices=choices, **more)


_TABLE = (
    # The network that a request comes from. All of these exist only over a VPC endpoint, but for `aws:SourceIp`.
    ContextKey("aws:SourceVpce", Kind.VPCE),
    ContextKey("aws:SourceVpc", Kind.VPC),
    ContextKey("aws:VpcSourceIp", Kind.IP),
    ContextKey("aws:SourceVpcArn", Kind.ARN),
    ContextKey("aws:VpceAccount", Kind.ACCOUNT),
    ContextKey("aws:VpceOrgID", Kind.ORGANISATION),
    ContextKey("aws:VpceOrgPaths", multivalued=True),
    ContextKey("aws:SourceIp", Kind.IP),
    # AWS services: acting for somebody, or for themselves.
    ContextKey("aws:ViaAWSService", Kind.BOOL, optional=False),
    ContextKey("aws:CalledVia", Kind.SERVICE, multivalued=True),
    ContextKey("aws:CalledViaFirst", Kind.SERVICE),
    ContextKey("aws:CalledViaLast", Kind.SERVICE),
    ContextKey("kms:ViaService", Kind.REGIONAL_SERVICE),
    ContextKey("aws:PrincipalIsAWSService", Kind.BOOL, optional=False),
    ContextKey("aws:PrincipalServiceName", Kind.SERVICE),
    ContextKey("aws:PrincipalServiceNamesList", Kind.SERVICE, multivalued=True),
    ContextKey("aws:SourceArn", Kind.ARN),
    ContextKey("aws:SourceAccount", Kind.ACCOUNT),
    ContextKey("aws:SourceOrgID", Kind.ORGANISATION),
    ContextKey("aws:SourceOrgPaths", multivalued=True),
    # The caller.
    ContextKey("aws:PrincipalArn", Kind.ARN),
    ContextKey("aws:PrincipalAccount", Kind.ACCOUNT),
    ContextKey("kms:CallerAccount", Kind.ACCOUNT),
    ContextKey("aws:PrincipalOrgID", Kind.ORGANISATION),
    ContextKey("aws:PrincipalOrgPaths", multivalued=True),
    ContextKey("aws:PrincipalOrgMasterAccountId", Kind.ACCOUNT),
    ContextKey("aws:PrincipalType"),
    ContextKey("aws:PrincipalTag/"),
    ContextKey("aws:userid"),
    ContextKey("aws:username"),
    ContextKey("aws:FederatedProvider"),
    ContextKey("aws:AssumedRoot", Kind.BOOL),
    ContextKey("aws:ChatbotSourceArn", Kind.ARN),
    ContextKey("aws:Ec2InstanceSourceVpc", Kind.VPC),
    ContextKey("aws:Ec2InstanceSourcePrivateIPv4", Kind.IP),
    ContextKey("aws:SourceIdentity"),
    ContextKey("aws:SourceInstanceArn", Kind.ARN),
    ContextKey("ec2:SourceInstanceArn", Kind.ARN),
    ContextKey("ec2:RoleDelivery"),
    ContextKey("lambda:SourceFunctionArn", Kind.ARN),
    ContextKey("aws:RoleSessionName"),
    ContextKey("aws:MultiFactorAuthPresent", Kind.BOOL),
    ContextKey("aws:MultiFactorAuthAge", Kind.NUMBER),
    ContextKey("aws:TokenIssueTime", Kind.DATE),
    # The call.
    ContextKey("aws:CurrentTime", Kind.DATE, optional=False),
    ContextKey("aws:EpochTime", Kind.DATE, optional=False),
    ContextKey("aws:SecureTransport", Kind.BOOL, optional=False),
    ContextKey("aws:UserAgent"),
    ContextKey("aws:Referer"),
    ContextKey("aws:RequestedRegion", Kind.REGION, optional=False),
    ContextKey("aws:RequestTag/", operations=_ops("TagResource")),
    ContextKey("aws:TagKeys", multivalued=True, operations=_TAGGING),
    # The key.
    ContextKey("aws:ResourceAccount", Kind.ACCOUNT, optional=False),
    ContextKey("aws:ResourceOrgID", Kind.ORGANISATION),
    ContextKey("aws:ResourceOrgPaths", multivalued=True),
    ContextKey("aws:ResourceTag/"),
    ContextKey("kms:ResourceAliases", multivalued=True),
    _choice("kms:KeySpec", _KEY_SPECS, optional=False),
    _choice("kms:CustomerMasterKeySpec", _KEY_SPECS, optional=False),
    _choice("kms:KeyUsage", _USAGES, optional=False),
    _choice("kms:CustomerMasterKeyUsage", _USAGES, optional=False),
    _choice("kms:KeyOrigin", ("AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"), optional=False),
    ContextKey("kms:MultiRegion", Kind.BOOL, optional=False),
    _choice("kms:MultiRegionKeyType", ("PRIMARY", "REPLICA")),
    # The operation.
    ContextKey("kms:EncryptionContext:", operations=_CONTEXT),
    ContextKey("kms:EncryptionContextKeys", multivalued=True, operations=_CONTEXT),
    _choice("kms:EncryptionAlgorithm", ("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"),
            _SYMMETRIC, optional=False),
    ContextKey("kms:RequestAlias", operations=_CRYPTO | _ops("DescribeKey GetPublicKey")),
    ContextKey("kms:ReEncryptOnSameKey", Kind.BOOL, operations=_ops("ReEncryptFrom ReEncryptTo"), optional=False),
    _choice("kms:DataKeyPairSpec", _PAIR_SPECS, _ops("GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext"),
            optional=False),
    _choice("kms:MacAlgorithm", ("HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"),
            _ops("GenerateMac VerifyMac"), optional=False),
    _choice("kms:MessageType", ("RAW", "DIGEST", "EXTERNAL_MU"), _ops("Sign Verify")),
    _choice("kms:SigningAlgorithm", _SIGNING, _ops("Sign Verify"), optional=False),
    _choice("kms:KeyAgreementAlgorithm", ("ECDH",), _ops("DeriveSharedSecret"), optional=False),
    ContextKey("kms:RecipientAttestation:", operations=_ATTESTED),
    _choice("kms:GrantConstraintType", ("EncryptionContextEquals", "EncryptionContextSubset"),
            _ops("CreateGrant RetireGrant")),
    ContextKey("kms:GrantConstraintSourceArn", Kind.ARN, operations=_CREATE_GRANT),
    ContextKey("kms:GrantIsForAWSResource", Kind.BOOL, operations=_GRANTS),
    ContextKey("kms:GrantOperations", Kind.CHOICE, multivalued=True, optional=False, operations=_CREATE_GRANT,
               choices=_GRANTABLE),
    ContextKey("kms:GranteePrincipal", Kind.ARN, operations=_CREATE_GRANT),
    ContextKey("kms:GranteeServicePrincipal", operations=_CREATE_GRANT),
    ContextKey("kms:RetiringPrincipal", Kind.ARN, operations=_CREATE_GRANT),
    ContextKey("kms:RetiringServicePrincipal", operations=_CREATE_GRANT),
    ContextKey("kms:BypassPolicyLockoutSafetyCheck", Kind.BOOL, operations=_ops("CreateKey PutKeyPolicy")),
    ContextKey("kms:PrimaryRegion", Kind.REGION, operations=_ops("UpdatePrimaryRegion"), optional=False),
    ContextKey("kms:ReplicaRegion", Kind.REGION, operations=_ops("ReplicateKey"), optional=False),
    ContextKey("kms:RotationPeriodInDays", Kind.NUMBER, operations=_ops("EnableKeyRotation")),
    ContextKey("kms:ScheduleKeyDeletionPendingWindowInDays", Kind.NUMBER, operations=_ops("ScheduleKeyDeletion")),
    ContextKey("kms:TrailingDaysWithoutKeyUsage", Kind.NUMBER, operations=_ops("ScheduleKeyDeletion DisableKey")),
    ContextKey("kms:ExpirationModel", Kind.CHOICE, operations=_ops("ImportKeyMaterial"),
               choices=("KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE")),
    ContextKey("kms:ValidTo", Kind.DATE, operations=_ops("ImportKeyMaterial")),
    ContextKey("kms:WrappingAlgorithm", operations=_ops("GetParametersForImport"), optional=False),
    ContextKey("kms:WrappingKeySpec", operations=_ops("GetParametersForImport"), optional=False),
)  # fmt: skip

_EXACT: Mapping[str, ContextKey] = MappingProxyType(
    {key.name.lower(): key for key in _TABLE if key.name[-1] not in "/:"}
)
_FAMILIES = tuple((key.name.lower(), key) for key in _TABLE if key.name[-1] in "/:")

ENCRYPTION_CONTEXT = "kms:encryptioncontext:"
NETWORK = frozenset({"aws:sourcevpce", "aws:sourcevpc", "aws:vpcsourceip", "aws:sourcevpcarn", "aws:vpceaccount",
                     "aws:vpceorgid", "aws:vpceorgpaths"})  # fmt: skip
"""The keys that exist only on a request over a VPC endpoint."""


@lru_cache(maxsize=4096)
def find(name: str) -> ContextKey | None:
    """The key of this lower-case name, or None where AWS documents none such."""
    return _EXACT.get(name) or next(
        (key for prefix, key in _FAMILIES if name.startswith(prefix) and len(name) > len(prefix)), None
    )


_ALGORITHMS = {
    "SYMMETRIC_DEFAULT": "SYMMETRIC_DEFAULT",
    "RSA_": "RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256 RSASSA_PKCS1_V1_5_SHA_256 RSASSA_PKCS1_V1_5_SHA_384"
    " RSASSA_PKCS1_V1_5_SHA_512 RSASSA_PSS_SHA_256 RSASSA_PSS_SHA_384 RSASSA_PSS_SHA_512",
    "ECC_NIST_P256": "ECDSA_SHA_256",
    "ECC_SECG_P256K1": "ECDSA_SHA_256",
    "ECC_NIST_P384": "ECDSA_SHA_384",
    "ECC_NIST_P521": "ECDSA_SHA_512",
    "ECC_NIST_EDWARDS25519": "ED25519_SHA_512 ED25519_PH_SHA_512",
    "ML_DSA_": "ML_DSA_SHAKE_256",
    "SM2": "SM2DSA SM2PKE",
    "HMAC_224": "HMAC_SHA_224",
    "HMAC_256": "HMAC_SHA_256",
    "HMAC_384": "HMAC_SHA_384",
    "HMAC_512": "HMAC_SHA_512",
}
"""The algorithms of each key spec, or of each family of specs; from *Key spec reference* in the developer guide."""
_CHOOSES_ALGORITHM = frozenset({"kms:encryptionalgorithm", "kms:macalgorithm", "kms:signingalgorithm"})


def algorithms(name: str, spec: str) -> frozenset[str] | None:
    """What a key that names an algorithm can say for a KMS key of this spec; None for other keys and unknown specs."""
    if name not in _CHOOSES_ALGORITHM:
        return None
    return next((frozenset(said.split()) for prefix, said in _ALGORITHMS.items() if spec.startswith(prefix)), None)


def exists_for(name: str, operation: str, key: Key) -> bool:
    """Whether a request for `operation` on this key can carry the condition key of this lower-case name.

    The encryption context belongs to symmetric encryption: an asymmetric key's `Encrypt` has none. A key that is not
    known here is taken as possible.
    """
    found = find(name)
    if found is None or not found.operations:
        return True
    if found.name.startswith("kms:EncryptionContext") and key.spec != "SYMMETRIC_DEFAULT":
        return False
    return operation in found.operations
