"""What a key cannot do in its state ([KMS guide] Key states of AWS KMS keys: the table), where ministack lets it."""

from local.aws import emulator
from local.aws.kms.call import Call, Refusal

_NOT_WHEN_PENDING_DELETION = frozenset(
    {
        "CreateAlias",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "EnableKeyRotation",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateKeyDescription",
    }
)
"""`GetKeyPolicy`, `PutKeyPolicy`, `DescribeKey` and the lists work in every state."""

_PENDING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def refuse_state(call: Call) -> Refusal | None:
    """`KMSInvalidStateException` for a key that is about to be deleted, or one that is not and should be."""
    key = emulator.find_key(call.scope, str(call.parameters.get("KeyId") or call.parameters.get("TargetKeyId") or ""))
    if key is None:
        return None
    pending = key["KeyState"] in _PENDING
    if pending and call.operation in _NOT_WHEN_PENDING_DELETION:
        return Refusal("KMSInvalidStateException", f"{key['Arn']} is pending deletion.")
    if not pending and call.operation == "CancelKeyDeletion":
        return Refusal("KMSInvalidStateException", f"{key['Arn']} is not pending deletion.")
    return None
