"""The functions' logs: why a message failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kms_perimeter.aws.stack import resources

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_logs import CloudWatchLogsClient


def log_groups(client: CloudFormationClient, stack: str) -> dict[str, str]:
    """The names of a stack's log groups by their logical IDs; empty where the caller may not list its resources."""
    try:
        found = resources(client, stack)
    except ClientError:
        return {}
    return {name: one.id for name, one in found.items() if one.type == "AWS::Logs::LogGroup" and one.id}


def last_failure(client: CloudWatchLogsClient, group: str, message_id: str, since: datetime) -> str | None:
    """What a function logged when it last failed at a message, or None where that is not to be found.

    The logs may have ended, or the caller may not read them; neither keeps a message from being sent back.
    """
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1000), filterPattern=f'"{message_id}"'
    )
    try:
        lines = [_line(event["message"]) for page in pages for event in page["events"]]
    except ClientError:
        return None
    failed = [line for line in lines if line.get("message_id") == message_id and "exception_name" in line]
    return _reason(failed[-1]) if failed else None


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _reason(line: dict[str, Any]) -> str:
    """The last lines of the traceback: the error, and the notes about the key that it was at."""
    told = str(line.get("exception", "")).rstrip().splitlines()
    said = next((number for number in reversed(range(len(told))) if line["exception_name"] in told[number]), None)
    return "; ".join(told[said:]) if said is not None else str(line["exception_name"])
