"""The door for Slack: a function URL that anybody may call, so what comes in must carry Slack's signature.

Documents: *Verifying requests from Slack*; *Invoking Lambda function URLs* for the shape of the event. Slack wants its
answer within three seconds, so nothing is done here but to look, and to put into a queue what somebody pressed.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from slack_sdk.signature import SignatureVerifier

from kms_perimeter import slack_interaction
from kms_perimeter.evidence import Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.signature import Clock

    from kms_perimeter.aws.queues import Queue

# SQS takes 256 KiB. A question that is longer than this is answered by a message of its own, without the question.
LONGEST = 200_000


def admit(event: Mapping[str, Any], verifier: SignatureVerifier, answers: Queue) -> tuple[dict[str, Any], Report]:
    """Lets a request of Slack in. Returns the answer to the caller, and what was done about it.

    Args:
        event: the request, as Lambda hands it over.
        verifier: knows the signing secret; refuses a request that is older than five minutes.
        answers: where clicks wait to be worked on.
    """
    body = _body(event)
    if body is None or not _is_signed(verifier, body, event.get("headers") or {}):
        return {"statusCode": 401}, Report("rejected", "it is not signed by Slack, or not now")
    pressed = _pressed(body)
    if pressed is None:
        return {"statusCode": 200}, Report("ignored", "no-question-of-ours")
    answers.send_all([_fitted(pressed)])
    return {"statusCode": 200}, Report("admitted", f"{pressed.action.value} by {pressed.by}", cause=pressed.ask_id)


def verifier_of(secret: str, clock: Clock | None = None) -> SignatureVerifier:
    """What knows whether a request is signed with Slack's secret."""
    return SignatureVerifier(secret, clock) if clock else SignatureVerifier(secret)


def _body(event: Mapping[str, Any]) -> bytes | None:
    """The very bytes that Slack has signed."""
    body = str(event.get("body") or "")
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:
        return None


def _is_signed(verifier: SignatureVerifier, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        return verifier.is_valid_request(body, dict(headers))
    except (ValueError, TypeError):  # a time that is no number, a body that is no text, a signature that is not ASCII
        return False


def _pressed(body: bytes) -> slack_interaction.Interaction | None:
    try:
        (payload,) = parse_qs(body.decode(), strict_parsing=True)["payload"]
        told = json.loads(payload)
    except (ValueError, KeyError):
        return None
    return slack_interaction.read(told) if isinstance(told, dict) else None


def _fitted(pressed: slack_interaction.Interaction) -> dict[str, Any]:
    whole = pressed.to_json()
    return whole if len(json.dumps(whole)) <= LONGEST else {**whole, "text": "", "blocks": []}
