"""What dead letters are about, and where they are sent back to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kms_perimeter import cloudtrail
from kms_perimeter.cloudtrail import Ignored
from kms_perimeter.finding import SOURCE
from kms_perimeter.order import Order

if TYPE_CHECKING:
    from kms_perimeter.aws.dead_letters import DeadLetter


@dataclass(frozen=True, slots=True)
class Place:
    """A queue of dead letters of the stack.

    Attributes:
        name: what `--queue` calls it.
        output: the stack's output with its URL.
        back: the stack's output with the URL of the queue that its letters are sent back to; None for invocations.
        logs: logical ID of the log group of the function that gave the letters up; None where they bring the reason.
    """

    name: str
    output: str
    back: str | None
    logs: str | None


PLACES = (
    Place("changes", "ChangesDeadLettersUrl", "ChangesQueueUrl", "OnKeyChangeLogs"),
    Place("remediations", "RemediationsDeadLettersUrl", "RemediationsQueueUrl", "OnRemediationLogs"),
    Place("answers", "AnswersDeadLettersUrl", "AnswersQueueUrl", "OnAnswerLogs"),
    Place("digests", "DigestDeadLettersUrl", "DigestQueueUrl", "OnDigestLogs"),
    Place("invocations", "FailedInvocationsUrl", None, None),
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """An asynchronous call of a function that failed for good, as Lambda's destination tells of it.

    Attributes:
        function: name of the function.
        payload: what it was called with.
        reason: why it failed.
    """

    function: str
    payload: str
    reason: str


def about(letter: DeadLetter) -> str:
    """What a letter is about, in a few words."""
    call = invocation(letter)
    return f"a call of {call.function}" if call else _about(_json(letter.body))


def _about(body: dict[str, Any]) -> str:
    told = ""
    match body:
        case {"policy_hash": _}:
            told = f"the order to fix {Order.from_json(body).change.key_arn}"
        case {"sweep": str(begun)}:
            told = f"the sweep {begun}"
        case {"sweep": {"keys": [first, *rest]}}:
            told = f"a sweep's look at {1 + len(rest)} keys, from {first}"
        case {"source": "kms-perimeter", "detail": {"sweep": ended}}:
            told = f"the end of the sweep {ended}, which was not reported on"
        case {"source": "kms-perimeter", "resources": [key, *_]}:
            told = f"a finding for the central bus: {key}"
        case {"source": "aws.cloudwatch", "detail": {"alarmName": alarm}}:
            told = f"the alarm {alarm}, of which the central bus was not told"
        case {"headline": headline, "key": key}:
            told = f"a notice: {headline} ({key})"
        case {"action": pressed}:
            told = f"a click in Slack: {pressed}"
    return told or _about_event(body)


def _about_event(body: dict[str, Any]) -> str:
    change = cloudtrail.read(body)
    if isinstance(change, Ignored):
        return f"a message that the guard ignores: {change.reason.value}"
    return f"{change.event_name} on {change.key_arn}, event {change.event_id}"


def said(letter: DeadLetter) -> str | None:
    """The reason, where the letter brings it along."""
    if call := invocation(letter):
        return call.reason
    if "ERROR_MESSAGE" in letter.said or "ERROR_CODE" in letter.said:
        return _said(letter)
    return None


def invocation(letter: DeadLetter) -> Invocation | None:
    """The failed call that a letter tells of, or None for any other letter."""
    body = _json(letter.body)
    context = body.get("requestContext")
    if isinstance(context, dict) and "functionArn" in context:
        answer = body.get("responsePayload")
        why = answer.get("errorMessage") if isinstance(answer, dict) else None
        condition = str(context.get("condition", "it failed"))
        return Invocation(
            _function(context["functionArn"]),
            json.dumps(body.get("requestPayload")),
            f"{condition}: {why or 'no answer'}",
        )
    return None


def is_order_to_sweep(letter: DeadLetter) -> bool:
    """Whether this is the order of a sweep, given up by on_sweep or not delivered by Scheduler."""
    return isinstance(_json(letter.body).get("sweep"), str)


def finding(letter: DeadLetter) -> dict[str, Any] | None:
    """The finding that EventBridge could not deliver to the central bus, as an entry of `PutEvents`; else None."""
    body = _json(letter.body)
    if body.get("source") != SOURCE:
        return None
    told = {"Source": SOURCE, "DetailType": body["detail-type"], "Detail": json.dumps(body["detail"])}
    return {**told, "Resources": body["resources"]}


def _said(letter: DeadLetter) -> str:
    return f"{letter.said.get('ERROR_CODE', 'it was not delivered')}: {letter.said.get('ERROR_MESSAGE', '')}".rstrip(
        ": "
    )


def _function(arn: str) -> str:
    """The name of a function: the seventh field of its ARN, before a version."""
    parts = arn.split(":")
    return parts[6] if len(parts) > 6 else arn  # noqa: PLR2004


def _json(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
