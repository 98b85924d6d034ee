"""How a call names a key: ministack takes an alias wherever it takes a key, and takes any string for an ARN.

[API reference] Most operations take a key ID or a key ARN only; only the operations that use a key, DescribeKey and
GetPublicKey take an alias too.
"""

import re

from local.aws import emulator
from local.aws.kms.call import Call, Refusal

_ID_OR_ARN_ONLY = {
    "CancelKeyDeletion": "KeyId",
    "CreateAlias": "TargetKeyId",
    "CreateGrant": "KeyId",
    "DisableKey": "KeyId",
    "DisableKeyRotation": "KeyId",
    "EnableKey": "KeyId",
    "EnableKeyRotation": "KeyId",
    "GetKeyPolicy": "KeyId",
    "GetKeyRotationStatus": "KeyId",
    "ListGrants": "KeyId",
    "ListKeyPolicies": "KeyId",
    "ListResourceTags": "KeyId",
    "PutKeyPolicy": "KeyId",
    "ReplicateKey": "KeyId",
    "RevokeGrant": "KeyId",
    "ScheduleKeyDeletion": "KeyId",
    "TagResource": "KeyId",
    "UntagResource": "KeyId",
    "UpdateAlias": "TargetKeyId",
    "UpdateKeyDescription": "KeyId",
}
_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)/\S+")
_POLICY_CALLS = frozenset({"GetKeyPolicy", "PutKeyPolicy"})


def refuse_key(call: Call) -> Refusal | None:
    """`InvalidArnException` for what is no ARN, `NotFoundException` for an alias or a key that does not exist."""
    reference = call.parameters.get(_ID_OR_ARN_ONLY.get(call.operation, ""))
    if not isinstance(reference, str):
        return None
    if reference.startswith("arn:") and not _ARN.fullmatch(reference):
        return Refusal("InvalidArnException", f"Invalid arn {reference}")
    if "alias/" in reference:
        return Refusal("NotFoundException", f"Invalid keyId {reference}")
    if emulator.find_key(call.scope, reference) is None:
        return Refusal("NotFoundException", f"Key '{_as_arn(call, reference)}' does not exist")
    return None


def refuse_policy_name(call: Call) -> Refusal | None:
    """`NotFoundException` for any key policy but `default`: [API reference] "The only valid value is `default`"."""
    name = call.parameters.get("PolicyName", "default")
    if call.operation not in _POLICY_CALLS or name == "default":
        return None
    return Refusal("NotFoundException", "No such policy exists")


def _as_arn(call: Call, reference: str) -> str:
    if reference.startswith("arn:"):
        return reference
    return f"arn:aws:kms:{call.scope.region}:{call.scope.account}:key/{reference}"
