"""What ministack's answers leave out."""

from typing import Any

from local.aws import emulator
from local.aws.http import Answer
from local.aws.kms.call import Call

_METADATA_FIELDS = ("KeyMetadata", "ReplicaKeyMetadata")


def amend(call: Call, answer: Answer) -> Answer:
    """Complete a key's metadata with its account and its manager ([API reference] KeyMetadata)."""
    described = {name: _complete(call, answer.body[name]) for name in _METADATA_FIELDS if name in answer.body}
    return Answer(answer.status, {**answer.body, **described})


def _complete(call: Call, metadata: dict[str, Any]) -> dict[str, Any]:
    key = emulator.find_key(call.scope, metadata["KeyId"])
    manager = "AWS" if key and emulator.is_managed(key) else "CUSTOMER"
    # AWS leaves out what a key does not have; ministack shows it as an empty list.
    present = {name: value for name, value in metadata.items() if value != []}
    return {"AWSAccountId": call.scope.account, **present, "KeyManager": manager}
