"""No line that a function logs has a policy's text, the webhook or the environment in it."""

import json
import logging
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools import Logger, Metrics

from kms_perimeter import guard, remediation, slack, telemetry
from kms_perimeter.order import Order
from kms_perimeter.perimeter import Mode
from tests.unit.account import OPEN, OURS, Account, closed, refuse

SECRET = "hunter2-in-the-policy"


def with_secret(policy: str = OPEN) -> str:
    """A policy with something in it that nobody should read in a log."""
    document = json.loads(policy)
    condition = {"StringEquals": {"kms:EncryptionContext:password": SECRET}}
    document["Statement"].append({**document["Statement"][0], "Sid": SECRET, "Condition": condition})
    return json.dumps(document)


def an_event(key_arn: str, policy: str, event_id: str) -> str:
    """The event of a `PutKeyPolicy`, as EventBridge delivers it."""
    detail = {
        "eventSource": "kms.amazonaws.com",
        "eventName": "PutKeyPolicy",
        "eventTime": "2026-11-24T12:00:00Z",
        "eventID": event_id,
        "awsRegion": "us-east-1",
        "recipientAccountId": OURS,
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{OURS}:user/somebody", "accountId": OURS},
        "sourceIPAddress": "203.0.113.7",
        "requestParameters": {"keyId": key_arn, "policyName": "default", "policy": policy},
        "resources": [{"ARN": key_arn, "accountId": OURS, "type": "AWS::KMS::Key"}],
    }
    return json.dumps({"source": "aws.kms", "detail-type": "AWS API Call via CloudTrail", "detail": detail})


@pytest.fixture
def printed() -> StringIO:
    """What Lambda would take for lines of the log."""
    return StringIO()


@pytest.fixture
def logger(printed: StringIO) -> Logger:
    """A logger of the test's own."""
    return Logger(service=uuid4().hex, logger_handler=logging.StreamHandler(printed))


@pytest.fixture
def metrics() -> Metrics:
    """Metrics that no other test has added to."""
    fresh = Metrics(namespace="KmsPerimeter", service="test")
    fresh.clear_metrics()
    return fresh


def test_a_line_says_which_event_which_key_and_what_was_decided(
    account: Account, logger: Logger, metrics: Metrics, printed: StringIO
) -> None:
    """Who looks for a key, an event or a decision finds the other two on the same line, and no policy."""
    key = account.key(with_secret())

    for report in guard.work(account.in_mode(Mode.ALERT), an_event(key, with_secret(), "event-7")):
        telemetry.tell(logger, metrics, report)

    out = printed.getvalue()
    (line,) = [json.loads(text) for text in out.splitlines()]
    assert (line["key"], line["cause"], line["event"]) == (key, "event-7", "PutKeyPolicy")
    assert (line["done"], line["verdict"]) == ("alert", "escapes")
    assert SECRET not in out


@pytest.mark.parametrize(
    "policy",
    [
        with_secret(),
        with_secret(closed()),
        with_secret().replace('"Effect"', '"Efect"'),
        with_secret().replace('"StringEquals"', '"StringEqual"'),
        with_secret()[:-20],
    ],
    ids=["open", "closed", "misspelt element", "misspelt operator", "cut off"],
)
def test_no_line_has_the_text_of_a_policy(
    policy: str, account: Account, logger: Logger, metrics: Metrics, printed: StringIO
) -> None:
    """Neither that of the event nor the live one nor the planned one, whatever is wrong with it."""
    key = account.key(policy)
    for report in guard.work(account.guard, an_event(key, policy, "event-1")):
        telemetry.tell(logger, metrics, report)
    refuse(account.kms, "PutKeyPolicy", "MalformedPolicyDocumentException")
    for ordered in account.ordered():
        telemetry.tell(logger, metrics, remediation.remediate(account.guard, Order.from_json(ordered)))

    out = printed.getvalue()
    assert out.count('"done":') >= 1
    assert SECRET not in out


def test_a_failure_is_logged_without_the_policy_or_the_environment(
    account: Account, logger: Logger, metrics: Metrics, printed: StringIO
) -> None:
    """A traceback has the lines of the code and what AWS said, not the values that were worked on."""
    key = account.key(with_secret())
    refuse(account.sns, "Publish", "InternalError")
    settings = replace(account.guard.settings, slack_webhook_secret_arn="arn:of-the-secret-in-the-environment")

    with pytest.raises(Exception, match="Publish is refused"), telemetry.failures(logger, metrics, "message-1"):
        list(guard.work(replace(account.guard, settings=settings), an_event(key, with_secret(), "event-1")))

    out = printed.getvalue()
    line = json.loads(out.splitlines()[0])
    assert f"key {key}, cause event-1" in line["exception"]
    assert SECRET not in out
    assert "arn:of-the-secret" not in out


class Refusing(BaseHTTPRequestHandler):
    """Answers as Slack does where the webhook is gone."""

    def do_POST(self) -> None:
        """Refuses a message."""
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"no_service")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_refusal_by_slack_is_logged_without_the_webhook(logger: Logger, metrics: Metrics, printed: StringIO) -> None:
    """The URL of a webhook is a password."""
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/services/T0/B0/{SECRET}"

        with pytest.raises(slack.SlackRefuses), telemetry.failures(logger, metrics, "message-1"):
            slack.post(url, {"text": "an alert"})

    out = printed.getvalue()
    assert "Slack answers 404: no_service" in out
    assert SECRET not in out


def test_no_answer_from_slack_is_logged_without_the_webhook(
    logger: Logger, metrics: Metrics, printed: StringIO
) -> None:
    """The error of the network does not repeat it either."""
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        port: Any = server.server_port

    with pytest.raises(slack.SlackIsBusy), telemetry.failures(logger, metrics, "message-1"):
        slack.post(f"http://127.0.0.1:{port}/services/T0/B0/{SECRET}", {"text": "an alert"})

    assert SECRET not in printed.getvalue()
