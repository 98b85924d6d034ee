import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from kms_perimeter import slack

SECRET = "T000/B000/secret"


class Receiver(HTTPServer):
    """A webhook that answers as it is told and remembers what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 200
        self.got: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """The webhook's URL."""
        return f"http://127.0.0.1:{self.server_port}/services/{SECRET}"


class Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """Takes one message."""
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"invalid_blocks" if self.server.status == 400 else b"ok")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook on loopback."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_posts_what_it_is_given(receiver: Receiver) -> None:
    """Slack gets the blocks, and the text for notifications."""
    slack.post(receiver.url, {"text": "ü", "blocks": []})

    assert receiver.got == [{"text": "ü", "blocks": []}]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_slack_is_tried_again_later(receiver: Receiver, status: int) -> None:
    """Lambda calls again, after minutes."""
    receiver.status = status

    with pytest.raises(slack.SlackIsBusy, match=rf"^Slack answers {status}: ok$"):
        slack.post(receiver.url, {"text": "x"})


def test_a_refusal_of_a_message_is_final(receiver: Receiver) -> None:
    """The same message would be refused again, whatever the webhook."""
    receiver.status = 400

    with pytest.raises(slack.SlackRefuses, match=r"^Slack answers 400: invalid_blocks$") as refusal:
        slack.post(receiver.url, {"text": "x"})

    assert not isinstance(refusal.value, slack.WebhookIsGone)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_webhook_that_is_gone_is_told_from_a_bad_message(receiver: Receiver, status: int) -> None:
    """Another webhook would take the same message."""
    receiver.status = status

    with pytest.raises(slack.WebhookIsGone, match=rf"^Slack answers {status}: "):
        slack.post(receiver.url, {"text": "x"})


def test_no_answer_is_tried_again_and_does_not_tell_the_secret() -> None:
    """The webhook's URL is a password: no error repeats it, nor does what the error came from."""
    with pytest.raises(slack.SlackIsBusy) as failure:
        slack.post(f"http://127.0.0.1:1/services/{SECRET}", {"text": "x"})

    assert SECRET not in str(failure.value)
    assert failure.value.__suppress_context__


def test_a_secret_that_is_no_url_is_refused() -> None:
    """A secret with something else in it is not posted to, nor told."""
    with pytest.raises(slack.WebhookIsGone, match=r"^the secret does not hold the URL of a webhook$"):
        slack.post("file:///etc/passwd", {"text": "x"})


@pytest.mark.parametrize(
    ("published", "payload"),
    [
        ('{"text": "t", "blocks": [{"type": "divider"}], "data": {}}', {"text": "t", "blocks": [{"type": "divider"}]}),
        (
            '{"AlarmName": "a", "AlarmDescription": "It is late.", "NewStateValue": "ALARM"}',
            {"text": "ALARM: It is late."},
        ),
        ('{"AlarmName": "a", "AlarmDescription": null, "NewStateValue": "OK"}', {"text": "OK again: a"}),
        ("plain words", {"text": "plain words"}),
        ("[1]", {"text": "[1]"}),
    ],
)
def test_alerts_alarms_and_anything_else_can_be_posted(published: str, payload: dict[str, Any]) -> None:
    """Whatever is published on the two topics reaches Slack in some form."""
    assert slack.payload(published) == payload


def test_an_alarm_says_where_it_rings_and_what_to_do() -> None:
    """Many accounts may share a channel: the account, the Region, since when, the runbook and the alarm itself."""
    alarm = {
        "AlarmName": "kms-perimeter changes & more",
        "AlarmDescription": "A changed key has waited. Runbook: docs/operations/changes-wait-too-long.md",
        "AWSAccountId": "111122223333",
        "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed",
        "StateChangeTime": "2026-11-24T12:00:00.123+0000",
        "Region": "EU (Ireland)",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:kms-perimeter changes & more",
    }

    console = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"

    said = slack.payload(json.dumps(alarm), "https://git.example.com/docs/")

    assert said["text"].splitlines() == [
        "ALARM: A changed key has waited. Runbook: https://git.example.com/docs/operations/changes-wait-too-long.md",
        "Account 111122223333, Region eu-west-1, since 2026-11-24 12:00:00 UTC",
        f"kms-perimeter changes &amp; more: {console}#alarmsV2:alarm/kms-perimeter%20changes%20%26%20more",
    ]
