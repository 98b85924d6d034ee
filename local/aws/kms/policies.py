"""The key policy that a call brings along: whether KMS would take it.

Three questions, in this order: is it a text that KMS stores, is it a policy, does it leave the caller able to change
it. AWS publishes the codes of the answers and the wording of a few; the other messages are ours.
"""

import re
from typing import Any

from local.aws import emulator
from local.aws.kms.call import Call, Refusal
from local.aws.kms.lockout import locks_out
from local.aws.kms.policy_grammar import MalformedError, read_policy
from local.aws.kms.principals import check_principals

_CALLS = frozenset({"CreateKey", "PutKeyPolicy", "ReplicateKey"})
_MOST_BYTES = 32_768
# [API reference] PutKeyPolicy, Policy: the pattern of the parameter.
_CHARACTERS = re.compile(r"[\t\n\r\x20-\xff]+")


def refuse_policy(call: Call) -> Refusal | None:
    """Refuse a key policy that KMS would refuse.

    `ValidationException` for characters beyond Latin-1, `LimitExceededException` for more than 32,768 bytes,
    `MalformedPolicyDocumentException` for all else: not JSON, not a policy, principals that do not exist, and a
    policy that takes from its caller the right to change it again.
    """
    text = call.parameters.get("Policy")
    if call.operation not in _CALLS or (text is None and call.operation != "PutKeyPolicy"):
        return None
    return _refuse_text(text) or _refuse_document(call, str(text))


def _refuse_text(text: object) -> Refusal | None:
    if not isinstance(text, str) or not _CHARACTERS.fullmatch(text):
        pattern = r"[\u0009\u000A\u000D\u0020-\u00FF]+"
        return Refusal("ValidationException", f"1 validation error detected: 'policy' must satisfy {pattern}")
    if len(text.encode()) > _MOST_BYTES:
        return Refusal("LimitExceededException", f"The key policy is longer than {_MOST_BYTES} bytes.")
    return None


def _refuse_document(call: Call, text: str) -> Refusal | None:
    try:
        policy = read_policy(text)
        check_principals(policy, call.scope.account, emulator.principal_exists)
    except MalformedError as error:
        return Refusal("MalformedPolicyDocumentException", str(error))
    return _refuse_lockout(call, policy)


def _refuse_lockout(call: Call, policy: dict[str, Any]) -> Refusal | None:
    if call.parameters.get("BypassPolicyLockoutSafetyCheck") or not locks_out(policy, call.caller):
        return None
    message = "The new key policy will not allow you to update the key policy in the future."
    return Refusal("MalformedPolicyDocumentException", message)
