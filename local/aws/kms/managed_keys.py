"""Keys that AWS manages: to be looked at, not to be changed ([KMS guide] AWS managed keys)."""

from local.aws import emulator
from local.aws.cloudtrail.record import WRITES
from local.aws.kms.call import Call, Refusal

# The policy of an AWS managed key leaves these to the account and to the service.
_LEFT_TO_THE_ACCOUNT = frozenset({"CreateGrant", "RevokeGrant", "RetireGrant"})


def refuse_change_of_managed_key(call: Call) -> Refusal | None:
    """`AccessDeniedException`: the policy of an AWS managed key lets nobody in the account change the key."""
    if call.operation not in WRITES - _LEFT_TO_THE_ACCOUNT:
        return None
    key = emulator.find_key(call.scope, str(call.parameters.get("KeyId") or call.parameters.get("TargetKeyId") or ""))
    if key is None or not emulator.is_managed(key):
        return None
    what = f"User: {call.caller.session_arn} is not authorized to perform: kms:{call.operation}"
    return Refusal("AccessDeniedException", f"{what} on resource: {key['Arn']}")
