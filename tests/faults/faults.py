"""What can go wrong with a call, and how each AWS service says so.

The codes are those of "Common Errors" and of each operation's "Errors" in the API references of the services.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """What can go wrong with a call; `ONCE` has those that strike one call, the others last as long as the outage."""

    THROTTLED_ONCE = "throttled once"
    THROTTLED = "throttled always"
    DENIED = "access denied"
    LOST_ANSWER = "time-out after the effect"
    LOST_REQUEST = "time-out before"
    SERVER_ERROR = "5xx"
    GONE = "gone"
    KILLED = "killed right after"
    PARTIAL = "part refused"


ONCE = (Fault.THROTTLED_ONCE, Fault.LOST_ANSWER, Fault.KILLED, Fault.PARTIAL)
"""These strike one request; the others strike each, until the outage is over."""

_THROTTLED = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "sns": "ThrottledException",
    "sqs": "RequestThrottled",
    "s3": "SlowDown",
    "sts": "Throttling",
    "cloudformation": "Throttling",
}
_DENIED = {
    "sns": "AuthorizationError",
    "sqs": "AccessDenied",
    "s3": "AccessDenied",
    "sts": "AccessDenied",
    "cloudformation": "AccessDenied",
}
_UNWELL = {
    "kms": "KMSInternalException",
    "dynamodb": "InternalServerError",
    "sns": "InternalError",
    "securityhub": "InternalException",
    "s3": "InternalError",
}
GONE = {
    "kms": "NotFoundException",
    "dynamodb": "ResourceNotFoundException",
    "sns": "NotFound",
    "sqs": "QueueDoesNotExist",
    "ssm": "ParameterNotFound",
    "secrets-manager": "ResourceNotFoundException",
    "eventbridge": "ResourceNotFoundException",
    "securityhub": "InvalidAccessException",
    "s3": "NoSuchBucket",
    "sts": "InvalidClientTokenId",
    "cloudformation": "ValidationError",
}
"""What a service says once the key, the table, the topic, the queue, and so on are no longer there."""

QUERY = ("sns", "sts", "cloudformation")
"""These speak the query protocol, S3 XML of its own, all others JSON."""

PARTLY = ("SendMessageBatch", "PutEvents", "BatchImportFindings", "BatchGetItem", "TransactWriteItems")
"""The operations that may refuse a part of what they are asked, and say of each part why."""


def makes_sense(fault: Fault, call: str) -> bool:
    """Whether the call can suffer this."""
    return fault is not Fault.PARTIAL or call.partition(".")[2] in PARTLY


def refusal_of(fault: Fault, service: str) -> tuple[int, bytes]:
    """The status and the body of the answer with which a service refuses a call."""
    match fault:
        case Fault.THROTTLED_ONCE | Fault.THROTTLED:
            status, code = 400, _THROTTLED.get(service, "ThrottlingException")
        case Fault.DENIED:
            status, code = 400, _DENIED.get(service, "AccessDeniedException")
        case Fault.SERVER_ERROR:
            status, code = 500, _UNWELL.get(service, "InternalFailure")
        case Fault.GONE:
            status, code = 400, GONE[service]
        case _:
            raise ValueError(f"not a refusal: {fault}")
    error = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    if service == "s3":  # "503 Slow Down", and what is not allowed is 403; the code is what counts
        return (503 if code == "SlowDown" else status), error.encode()
    if service in QUERY:
        return status, f"<ErrorResponse>{error}</ErrorResponse>".encode()
    return status, json.dumps({"__type": code, "message": code}).encode()


def partial_answer(operation: str, asked: dict[str, Any]) -> tuple[int, bytes]:
    """The status and the body of the answer of an operation that has refused all of a batch, one by one."""
    status = 200
    match operation:
        case "SendMessageBatch":
            failed = [
                {"Id": entry["Id"], "Code": "InternalError", "Message": "try again", "SenderFault": False}
                for entry in asked["Entries"]
            ]
            answer: dict[str, Any] = {"Successful": [], "Failed": failed}
        case "PutEvents":
            refused = [{"ErrorCode": "InternalFailure", "ErrorMessage": "try again"} for _ in asked["Entries"]]
            answer = {"FailedEntryCount": len(refused), "Entries": refused}
        case "BatchImportFindings":
            refused = [
                {"Id": finding["Id"], "ErrorCode": "InternalException", "ErrorMessage": "try again"}
                for finding in asked["Findings"]
            ]
            answer = {"FailedCount": len(refused), "SuccessCount": 0, "FailedFindings": refused}
        case "BatchGetItem":
            answer = {"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}
        case "TransactWriteItems":  # another transaction was at one of the items; botocore does not try that again
            reasons = [{"Code": "TransactionConflict", "Message": "try again"} for _ in asked["TransactItems"]]
            kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
            status, answer = 400, {"__type": kind, "Message": "try again", "CancellationReasons": reasons}
        case _:
            raise ValueError(f"nobody knows in which parts it can fail: {operation}")
    return status, json.dumps(answer).encode()
