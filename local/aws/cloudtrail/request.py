"""The `requestParameters` of a record: what the caller asked for, with the defaults that KMS fills in."""

import json
from typing import Any

from local.aws.cloudtrail.naming import lower_camel

MOST_BYTES = 100 * 1024
"""[CloudTrail guide] `requestParameters` has a maximum size of 100 KB; a larger one is left out."""

_KEY_DEFAULTS = {"Description": "", "Origin": "AWS_KMS", "KeyUsage": "ENCRYPT_DECRYPT"}


def request_parameters(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Spell out what was asked, or say that it is too large to be kept."""
    asked: dict[str, Any] = lower_camel({**_defaults(operation, parameters), **parameters})
    asked.pop("grantTokens", None)
    size = len(json.dumps(asked).encode())
    if size > MOST_BYTES:
        return {"omitted": True, "originalSize": size, "reason": "requestParameters too large"}
    return asked


def _defaults(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if operation == "CreateKey":
        spec = parameters.get("KeySpec") or parameters.get("CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT"
        specs = {"KeySpec": spec, "CustomerMasterKeySpec": spec}
        return {**_KEY_DEFAULTS, **specs, "BypassPolicyLockoutSafetyCheck": False}
    if operation == "ReplicateKey":
        return {"Description": "", "BypassPolicyLockoutSafetyCheck": False}
    if operation == "PutKeyPolicy":
        return {"PolicyName": "default", "BypassPolicyLockoutSafetyCheck": False}
    if operation == "ScheduleKeyDeletion":
        return {"PendingWindowInDays": 30}
    return {}
