"""Slack's incoming webhooks: one POST of JSON.

The standard library is enough: Lambda's own retries of an asynchronous call wait for minutes, which is what Slack asks
for when it says 429. The webhook's URL is a password, so no error here repeats it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from kms_perimeter.errors import KmsPerimeterError
from kms_perimeter.mrkdwn import MESSAGE_CHARACTERS, cut, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOO_MANY_REQUESTS = 429
SERVER_ERRORS = 500
# Slack, "Handling errors": invalid_token and action_prohibited; no_service and channel_not_found; channel_is_archived.
GONE = (403, 404, 410)
SECONDS = 5  # Slack answers in well under one


class SlackIsBusy(KmsPerimeterError):
    """Slack did not take the message now (429, 5xx, no answer); trying again makes sense."""


class SlackRefuses(KmsPerimeterError):
    """Slack will never take the message at this address; trying again makes no sense."""


class WebhookIsGone(SlackRefuses):
    """The address takes no message any more, or the secret has none: with another one, Slack takes this message too."""


def post(webhook: str, payload: Mapping[str, Any]) -> None:
    """Posts a message to an incoming webhook.

    Raises:
        SlackIsBusy: try again later.
        WebhookIsGone: try again once somebody has put another webhook into the secret.
        SlackRefuses: do not.
    """
    if urlsplit(webhook).scheme not in ("https", "http"):
        raise WebhookIsGone("the secret does not hold the URL of a webhook")
    body = json.dumps(payload).encode()
    request = Request(webhook, body, {"Content-Type": "application/json; charset=utf-8"})  # noqa: S310, the scheme is checked
    try:
        with urlopen(request, timeout=SECONDS):  # noqa: S310, likewise
            return
    except HTTPError as error:
        raise _answer(error.code, error.read(200).decode(errors="replace")) from None
    except (URLError, TimeoutError, ConnectionError) as error:
        raise SlackIsBusy(f"no answer from Slack: {getattr(error, 'reason', error)}") from None


def payload(published: str, docs: str = "") -> dict[str, Any]:
    """What to post for the message of an SNS record: an alert of this service, or an alarm of CloudWatch.

    Args:
        published: the message.
        docs: where docs/ is published, for links to runbooks; empty where that is not known.
    """
    try:
        told = json.loads(published)
    except ValueError:
        return _said(published)
    if "blocks" in told:
        return {**_said(told["text"]), "blocks": told["blocks"]}
    if "AlarmName" in told:
        return _said(escaped("\n".join(_of_alarm(told, docs))))
    return _said(published)


def _of_alarm(told: Mapping[str, Any], docs: str) -> Iterator[str]:
    """What rings and its runbook; where and since when; where to look. *Notifying users on alarm changes* by AWS."""
    what = str(told.get("AlarmDescription") or told["AlarmName"])
    state = "OK again" if told["NewStateValue"] == "OK" else told["NewStateValue"]
    runbook = f"Runbook: {docs.rstrip('/') or 'docs'}/"
    yield f"{state}: {what.replace('Runbook: docs/', runbook)}"
    if arn := told.get("AlarmArn"):
        from kms_perimeter import wording  # noqa: PLC0415 - only an alarm needs it

        _, _, _, region, account, _ = arn.split(":", 5)
        yield f"Account {account}, Region {region}, since {str(told.get('StateChangeTime'))[:19].replace('T', ' ')} UTC"
        yield f"{told['AlarmName']}: {wording.console_of_alarm(arn)}"


def _said(text: str) -> dict[str, Any]:
    return {"text": cut(text, MESSAGE_CHARACTERS)}


def _answer(status: int, words: str) -> SlackIsBusy | SlackRefuses:
    again = status == TOO_MANY_REQUESTS or status >= SERVER_ERRORS
    refusal = WebhookIsGone if status in GONE else SlackRefuses
    return (SlackIsBusy if again else refusal)(f"Slack answers {status}: {words}")
