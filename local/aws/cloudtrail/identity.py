"""The `userIdentity` element of a CloudTrail record ([CloudTrail guide] CloudTrail userIdentity element)."""

import hashlib
from typing import Any

from local.aws.caller import Caller


def user_identity(caller: Caller, time: str) -> dict[str, Any]:
    """Describe the caller as CloudTrail does: as an IAM user, the account's root, or a session of a role."""
    if caller.role_name is not None:
        return _role_session(caller, caller.role_name, time)
    kind, _, name = caller.arn.split(":", 5)[5].partition("/")
    common = {"arn": caller.arn, "accountId": caller.account, "accessKeyId": caller.access_key}
    if kind == "root":
        return {"type": "Root", "principalId": caller.account, **common}
    return {
        "type": "IAMUser",
        "principalId": _unique_id("AIDA", caller.arn),
        **common,
        "userName": name.rsplit("/", 1)[-1],
    }


def _role_session(caller: Caller, role: str, time: str) -> dict[str, Any]:
    session = caller.session_arn
    issuer = f"arn:aws:iam::{caller.account}:role/{role}"
    unique_id = _unique_id("AROA", issuer)
    return {
        "type": "AssumedRole",
        "principalId": f"{unique_id}:{session.rsplit('/', 1)[-1]}",
        "arn": session,
        "accountId": caller.account,
        "accessKeyId": caller.access_key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": unique_id,
                "arn": caller.arn if ":role/" in caller.arn else issuer,
                "accountId": caller.account,
                "userName": role,
            },
            "attributes": {"creationDate": time, "mfaAuthenticated": "false"},
        },
    }


def _unique_id(prefix: str, arn: str) -> str:
    return prefix + hashlib.sha256(arn.encode()).hexdigest()[:17].upper()
