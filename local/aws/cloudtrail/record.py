"""The CloudTrail record of a KMS call, in the shape that the KMS developer guide prints (its pages named ct-*)."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from local.aws.cloudtrail.identity import user_identity
from local.aws.cloudtrail.request import request_parameters
from local.aws.cloudtrail.response import resources, response_elements
from local.aws.http import Answer
from local.aws.kms.call import Call

WRITES = frozenset(
    {
        "CancelKeyDeletion",
        "CreateAlias",
        "CreateGrant",
        "CreateKey",
        "DeleteAlias",
        "DeleteImportedKeyMaterial",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "EnableKeyRotation",
        "ImportKeyMaterial",
        "PutKeyPolicy",
        "ReplicateKey",
        "RetireGrant",
        "RevokeGrant",
        "RotateKeyOnDemand",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
        "UpdateKeyDescription",
        "UpdatePrimaryRegion",
    }
)
"""The calls that change something. EventBridge gets no read-only management events unless a rule asks for them."""


def records_of(call: Call, answer: Answer, alias_target: str | None) -> Iterator[dict[str, Any]]:
    """Everything that one call leaves on the trail: nothing for a read, two records for a replication.

    Args:
        call: What was asked.
        answer: What came of it; a refused call leaves a record with its `errorCode`.
        alias_target: The ARN of the key that the alias meant before the call, for calls about an alias.
    """
    if call.operation not in WRITES:
        return
    record = _record(call, answer, alias_target)
    yield record
    if call.operation == "ReplicateKey" and answer.succeeded:
        yield _replica_created(call, answer, record)


def _record(call: Call, answer: Answer, alias_target: str | None) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "eventVersion": "1.11",
        "userIdentity": user_identity(call.caller, now),
        "eventTime": now,
        "eventSource": "kms.amazonaws.com",
        "eventName": call.operation,
        "awsRegion": call.scope.region,
        "sourceIPAddress": call.caller.source_ip,
        "userAgent": call.caller.user_agent,
        **_error(answer),
        "requestParameters": request_parameters(call.operation, call.parameters),
        "responseElements": response_elements(call, answer),
        "requestID": call.request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "resources": resources(call, answer, alias_target),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.scope.account,
        **_endpoint(call),
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"kms.{call.scope.region}.amazonaws.com",
        },
    }


def _error(answer: Answer) -> dict[str, str]:
    if answer.succeeded:
        return {}
    code = str(answer.body.get("__type", "InternalFailure")).removesuffix("#")
    # CloudTrail shortens this one of all codes.
    shown = "AccessDenied" if code == "AccessDeniedException" else code
    return {"errorCode": shown, "errorMessage": str(answer.body.get("message", ""))}


def _endpoint(call: Call) -> dict[str, str]:
    if call.caller.vpc_endpoint is None:
        return {}
    return {"vpcEndpointId": call.caller.vpc_endpoint, "vpcEndpointAccountId": call.caller.account}


def _replica_created(call: Call, answer: Answer, record: dict[str, Any]) -> dict[str, Any]:
    """[KMS guide] "A CreateKey log entry can result from … the CreateKey operation for a ReplicateKey request"."""
    metadata = answer.body["ReplicaKeyMetadata"]
    asked = {name: value for name, value in call.parameters.items() if name not in {"KeyId", "ReplicaRegion"}}
    created = {"Origin": metadata["Origin"], "KeySpec": metadata["KeySpec"], "KeyUsage": metadata["KeyUsage"]}
    replica = {"ARN": metadata["Arn"], "accountId": call.scope.account, "type": "AWS::KMS::Key"}
    return {
        **record,
        "eventName": "CreateKey",
        "eventID": str(uuid.uuid4()),
        "awsRegion": call.parameters["ReplicaRegion"],
        "requestParameters": request_parameters("CreateKey", {**asked, **created, "MultiRegion": True}),
        "responseElements": {"keyMetadata": json.loads(json.dumps(record["responseElements"]["replicaKeyMetadata"]))},
        "resources": [replica],
    }
