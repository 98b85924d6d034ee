"""What the dashboard and the alarms look at is what the code says."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from kms_perimeter import telemetry
from kms_perimeter.decision import DecisionKind
from kms_perimeter.evidence import Report
from kms_perimeter.verdict import Outcome
from local.embedded import REPOSITORY
from tests.operations.conftest import MODES, resolved
from tests.unit.account import NOON

OURS = "KmsPerimeter"
SOURCES = [
    *(REPOSITORY / "functions").rglob("*.py"),
    *(REPOSITORY / "layers" / "kms_perimeter" / "python" / "kms_perimeter").rglob("*.py"),
]


def dashboard(template: dict[str, Any], conditions: frozenset[str]) -> dict[str, Any]:
    """The dashboard as CloudWatch gets it."""
    body = template["Resources"]["HealthDashboard"]["Properties"]["DashboardBody"]
    parsed: dict[str, Any] = json.loads(resolved(body, conditions))
    return parsed


def shown(template: dict[str, Any], conditions: frozenset[str]) -> Iterator[list[Any]]:
    """The metrics of the dashboard, without expressions."""
    for widget in dashboard(template, conditions)["widgets"]:
        yield from (row for row in widget["properties"].get("metrics", ()) if isinstance(row[0], str))


def strings(path: Any) -> set[str]:  # noqa: ANN401 - a Path
    """All string constants of a module."""
    return {
        n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant) and type(n.value) is str
    }


def words_of_reports() -> set[str]:
    """The fixed words that a report may have for what was done: decisions, and those that are written in the code."""
    written = {
        found
        for path in SOURCES
        for found in re.findall(r"(?:report|report_on|Report)\((?:[a-z_.]+, )?\"([a-z-]+)\"", path.read_text())
    }
    named = {"unreadable", "unwatched"} & {text for path in SOURCES for text in strings(path)}
    return {kind.value for kind in DecisionKind} | written | named


@pytest.fixture
def emitted(capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The names of all metrics of ours: what telemetry makes of every report, and what the code names outright."""
    metrics = Metrics(namespace=OURS, service="all")
    metrics.clear_metrics()
    logger = Logger(service="all")
    for done in sorted(words_of_reports()):
        for outcome in (*Outcome, ""):
            for event in ("PutKeyPolicy", "Sweep"):
                report = Report(done, "why", outcome=outcome, event=event, at=NOON)
                telemetry.tell(logger, metrics, report)
                telemetry.tell_look(metrics, report)
                telemetry.tell_fix(metrics, report)
                metrics.flush_metrics()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    made = {
        m["Name"] for line in lines if "_aws" in line for d in line["_aws"]["CloudWatchMetrics"] for m in d["Metrics"]
    }
    outright = {text for path in SOURCES for text in strings(path) if re.fullmatch(r"[A-Z][A-Za-z]+", text)}
    return made | outright


def test_the_dashboard_shows_what_the_code_counts(
    template: dict[str, Any], conditions: frozenset[str], emitted: set[str]
) -> None:
    """Each metric of ours on the dashboard is one that some function emits, with its dimension."""
    ours = [row for row in shown(template, conditions) if row[0] == OURS]

    assert {row[1] for row in ours} - emitted == set()
    assert {tuple(row[2:4]) for row in ours} == {("service", "AWS::StackName")}


def test_the_alarms_listen_to_what_the_code_counts(template: dict[str, Any], emitted: set[str]) -> None:
    """Likewise each metric of ours that an alarm listens to."""
    listened = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and resource["Properties"]["Namespace"] == OURS
    ]

    assert {alarm["MetricName"] for alarm in listened} - emitted == set()
    assert all(alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}] for alarm in listened)


def test_the_dashboard_names_only_what_is_deployed(template: dict[str, Any], conditions: frozenset[str]) -> None:
    """Each queue, function and alarm on it is there under the same conditions."""
    named = {word for row in shown(template, conditions) for word in row[2:4] if isinstance(word, str)}
    named |= {
        alarm
        for widget in dashboard(template, conditions)["widgets"]
        for alarm in widget["properties"].get("alarms", ())
    }
    resources = template["Resources"]
    there = {name for name, one in resources.items() if one.get("Condition") in (None, *conditions)}

    assert {name for name in named if name in resources} - there == set()
    assert named - set(resources) == {"service", "AWS::StackName", "QueueName", "FunctionName"}


def test_each_alarm_is_on_the_dashboard(template: dict[str, Any]) -> None:
    """The first row shows all of them."""
    everything = MODES["everything"]
    on_it = {a for w in dashboard(template, everything)["widgets"] for a in w["properties"].get("alarms", ())}

    assert on_it == {n for n, one in template["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}


def test_the_page_on_operations_names_each_metric_of_the_dashboard(template: dict[str, Any]) -> None:
    """What is shown is explained."""
    page = (REPOSITORY / "docs" / "operations" / "README.md").read_text()
    named = {row[1] for row in shown(template, frozenset({"MayRemediate"})) if row[0] == OURS}

    assert {name for name in named if f"`{name}`" not in page} == set()
