import json
from datetime import timedelta
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from kms_perimeter import telemetry
from kms_perimeter.evidence import Report
from tests.unit.account import NOON


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
    report = Report("remediate", "the policy is open", "arn:1", "event-1", "escapes", "PutKeyPolicy")

    telemetry.tell(Logger(service="one"), metrics, report)
    metrics.flush_metrics()

    line, counted = printed(capsys)
    told = {name: line[name] for name in ("message", "done", "key", "cause", "verdict", "event")}
    assert told == {
        "message": "the policy is open",
        "done": "remediate",
        "key": "arn:1",
        "cause": "event-1",
        "verdict": "escapes",
        "event": "PutKeyPolicy",
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

    with pytest.raises(ValueError, match=r"^of a sort$"), telemetry.failures(logger, metrics, "message-1"):
        raise ValueError("of a sort")
    metrics.flush_metrics()

    line, counted = printed(capsys)
    assert (line["message"], line["exception_name"]) == ("the message must come again", "ValueError")
    assert line["message_id"] == "message-1"
    assert counted["Failed"] == [1.0]


def test_a_sweep_counts_its_keys_by_what_was_found(capsys: pytest.CaptureFixture[str], metrics: Metrics) -> None:
    """The counts of one sweep are the keys by verdict; what is none of the guard's business is not among them."""
    swept: dict[str, Any] = {"event": "Sweep", "at": NOON}

    for report in (
        Report("quiet", "nothing new", outcome="enclosed", **swept),
        Report("quiet", "nothing new", outcome="enclosed", **swept),
        Report("unreadable", "AccessDeniedException", **swept),
        Report("ignored", "aws-managed-key", **swept),
    ):
        telemetry.tell_look(metrics, report)
    metrics.flush_metrics()

    counted = printed(capsys)[-1]
    assert {name: sum(n) for name, n in counted.items() if name.startswith("S")} == {
        "Swept.enclosed": 2.0,
        "Swept.unreadable": 1.0,
    }


def test_latency_is_counted_from_the_call(capsys: pytest.CaptureFixture[str], metrics: Metrics) -> None:
    """The clock starts when somebody changed the key, not when the function did; a clock that is behind gives zero."""
    seen, fixed = Report("alert", "", outcome="escapes", at=NOON), Report("remediated", "", outcome="escapes", at=NOON)

    telemetry.tell_look(metrics, seen, lambda: NOON + timedelta(seconds=3))
    telemetry.tell_fix(metrics, fixed, lambda: NOON - timedelta(seconds=1))
    metrics.flush_metrics()

    counted = printed(capsys)[-1]
    assert (counted["SecondsToVerdict"], counted["SecondsToRemediation"]) == ([3.0], [0.0])


def test_durations_of_a_report_are_counted(capsys: pytest.CaptureFixture[str], metrics: Metrics) -> None:
    """What the guard has measured goes out under the name that it gave."""
    report = Report("alert", "it was open", durations={"ExposureSeconds": 12.5})

    telemetry.tell(Logger(service="four"), metrics, report)
    metrics.flush_metrics()

    assert printed(capsys)[-1]["ExposureSeconds"] == [12.5]
