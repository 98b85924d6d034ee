"""The webhook answers as Slack does."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.slack import PATH, Webhook

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook of this test's own."""
    with Webhook() as serving:
        yield serving


def _post(webhook: Webhook, payload: Any, path: str = PATH) -> tuple[int, str, dict[str, str]]:  # noqa: ANN401
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    connection = http.client.HTTPConnection(webhook.url.split("/")[2])
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text, dict(response.headers)


def test_takes_a_message(webhook: Webhook) -> None:
    """A good message is answered with `ok` and kept."""
    message = {"text": "hello", "blocks": [SECTION, {"type": "divider"}]}

    assert _post(webhook, message)[:2] == (200, "ok")
    assert webhook.wait_for(1) == [message]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"text=hello", "invalid_payload"),
        ([], "invalid_payload"),
        ({}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": [SECTION] * 51}, "invalid_blocks"),
        ({"blocks": "none"}, "invalid_blocks"),
        ({"blocks": [{"type": "poem"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "context", "elements": []}]}, "invalid_blocks"),
        ({"blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}]}, "invalid_blocks"),
        ({"blocks": [{**SECTION, "block_id": "a"}, {**SECTION, "block_id": "a"}]}, "invalid_blocks"),
    ],
)
def test_refuses_what_slack_refuses(webhook: Webhook, payload: Any, reason: str) -> None:  # noqa: ANN401
    """A bad message is answered with 400 and Slack's word for what is wrong, and is not kept."""
    assert _post(webhook, payload)[:2] == (400, reason)
    assert (webhook.messages, webhook.refusals) == ([], [reason])


def test_knows_its_own_address_only(webhook: Webhook) -> None:
    """A webhook that was taken back, or never was, is `no_service`."""
    assert _post(webhook, {"text": "x"}, "/services/T0/B0/other")[:2] == (404, "no_service")


def test_limits_the_rate_when_told(webhook: Webhook) -> None:
    """429 with `Retry-After`, as often as told, then all is well."""
    webhook.limit_rate(1, retry_after=3)

    status, _, headers = _post(webhook, {"text": "x"})

    assert (status, headers["Retry-After"]) == (429, "3")
    assert _post(webhook, {"text": "x"})[0] == 200


def test_fails_when_told(webhook: Webhook) -> None:
    """A server's error, as often as told, then all is well."""
    webhook.fail(2)

    assert [_post(webhook, {"text": "x"})[0] for _ in range(3)] == [500, 500, 200]
    assert len(webhook.messages) == 1


def test_says_when_nothing_comes(webhook: Webhook) -> None:
    """Waiting ends with an error that says how many came."""
    with pytest.raises(TimeoutError, match="0 of 1"):
        webhook.wait_for(1, seconds=0.05)
