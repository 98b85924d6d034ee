"""The `responseElements` and `resources` of a record: what the call made, and the keys and aliases that it touched."""

from typing import Any

from local.aws import emulator
from local.aws.cloudtrail.naming import lower_camel, print_date
from local.aws.http import Answer
from local.aws.kms.call import Call

_DATES = ("CreationDate", "DeletionDate", "ValidTo")
_ALIAS_CALLS = frozenset({"CreateAlias", "UpdateAlias", "DeleteAlias"})


def response_elements(call: Call, answer: Answer) -> dict[str, Any] | None:
    """What the call gave back, less its secrets; null for a call that gives nothing back, and for a refused one."""
    if not answer.succeeded:
        return None
    shown = _shown(call, answer)
    elements: dict[str, Any] | None = lower_camel(_with_dates(shown)) if shown else None
    return elements


def resources(call: Call, answer: Answer, alias_target: str | None) -> list[dict[str, str]]:
    """The key, and for calls about an alias the alias too; nothing where the call named no key that exists."""
    touched = [_named(arn, call) for arn in [_key_arn(call, answer, alias_target)] if arn]
    if call.operation in _ALIAS_CALLS:
        alias = f"arn:aws:kms:{call.scope.region}:{call.scope.account}:{call.parameters.get('AliasName')}"
        touched.append({"ARN": alias, "accountId": call.scope.account})
    return touched


def _shown(call: Call, answer: Answer) -> dict[str, Any]:
    match call.operation:
        case "CreateKey" | "ScheduleKeyDeletion" | "CancelKeyDeletion":
            return answer.body
        case "ReplicateKey":
            # The replica takes a moment to be made, and this record is written before.
            begun = {**answer.body["ReplicaKeyMetadata"], "KeyState": "Creating", "Enabled": False}
            return {"ReplicaKeyMetadata": begun, "ReplicaPolicy": answer.body["ReplicaPolicy"]}
        case "CreateGrant":
            return {"GrantId": answer.body["GrantId"], "KeyId": _key_arn(call, answer, None)}
        case _:
            return {}


def _key_arn(call: Call, answer: Answer, alias_target: str | None) -> str | None:
    if call.operation == "CreateKey":
        return str(answer.body["KeyMetadata"]["Arn"]) if answer.succeeded else None
    if call.operation == "DeleteAlias":
        return alias_target
    key = emulator.find_key(call.scope, str(call.parameters.get("KeyId") or call.parameters.get("TargetKeyId") or ""))
    return str(key["Arn"]) if key else None


def _named(arn: str, call: Call) -> dict[str, str]:
    return {"ARN": arn, "accountId": call.scope.account, "type": "AWS::KMS::Key"}


def _with_dates(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        return value
    return {
        name: print_date(inner) if name in _DATES and inner is not None else _with_dates(inner)
        for name, inner in value.items()
    }
