import json
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from kms_perimeter import telemetry
from kms_perimeter.evidence import Report


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What Lambda would take for log lines and metrics."""
    captured = capsys.readouterr()
    return [json.loads(line) for line in (captured.out + captured.err).splitlines()]


@pytest.fixture
def metrics() -> Metrics:
    """Metrics of their own: Powertools shares them among all users of a process."""
    fresh = Metrics(namespace="KmsPerimeter", service="test")
    fresh.clear_metrics()
    return fresh


def test_a_report_is_one_line_and_one_count(capsys: pytest.CaptureFixture[str], metrics: Metrics) -> None:
    """The line names the key, the cause and the verdict, and holds no policy."""
    report = Report("remediate", "the policy lets outside requests through", "arn:1", "event-1", "escapes")

    telemetry.tell(Logger(service="one"), metrics, report)
    metrics.flush_metrics()

    line, counted = printed(capsys)
    told = {name: line[name] for name in ("message", "done", "key", "cause", "verdict")}
    assert told == {
        "message": "the policy lets outside requests through",
        "done": "remediate",
        "key": "arn:1",
        "cause": "event-1",
        "verdict": "escapes",
    }
    assert counted["Remediate"] == [1.0]


def test_what_is_ignored_is_counted_by_its_reason(capsys: pytest.CaptureFixture[str], metrics: Metrics) -> None:
    """Named reasons can be watched one by one."""
    telemetry.tell(Logger(service="two"), metrics, Report("ignored", "aws-managed-key"))
    metrics.flush_metrics()

    counted = printed(capsys)[-1]
    assert (counted["Ignored"], counted["Ignored.aws-managed-key"]) == ([1.0], [1.0])


def test_a_failure_is_logged_counted_and_passed_on(capsys: pytest.CaptureFixture[str], metrics: Metrics) -> None:
    """SQS must see the failure too, or it would take the message for done."""
    logger = Logger(service="three")

    with pytest.raises(ValueError, match=r"^of a sort$"), telemetry.failures(logger, metrics):
        raise ValueError("of a sort")
    metrics.flush_metrics()

    line, counted = printed(capsys)
    assert (line["message"], line["exception_name"]) == ("the message must come again", "ValueError")
    assert counted["Failed"] == [1.0]
