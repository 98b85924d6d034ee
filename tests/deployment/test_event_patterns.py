"""Which events pass which rule, by two implementations of EventBridge's pattern language that are not ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from moto.events.models import EventPattern

from kms_perimeter import finding
from kms_perimeter.cloudtrail import WATCHED, KeyChange, read
from kms_perimeter.sweep import Ended
from local.embedded import REPOSITORY, EmbeddedAws
from tests.deployment.test_template import functions, resources

if TYPE_CHECKING:
    from collections.abc import Iterator


def a_finding() -> dict[str, Any]:
    """A finding as on_finding puts it on the bus and EventBridge delivers it."""
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    at = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
    told = {"text": "HIGH: it is open", "data": {"kind": "alert", "severity": "high", "key": key}, "dedup_key": "1"}
    entry = finding.event(finding.findings_of(told, at)[0])
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": entry["Source"],
        "detail-type": entry["DetailType"],
        "account": "111122223333",
        "time": "2026-11-24T12:00:00Z",
        "region": "us-east-1",
        "resources": entry["Resources"],
        "detail": json.loads(entry["Detail"]),
    }


def the_end_of_a_sweep(ledger: str) -> dict[str, Any]:
    """The end of a sweep as on_sweep puts it on the bus and EventBridge delivers it."""
    at = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
    entry = Ended("noon", at, at, 12).event(ledger)
    head = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    return {**a_finding(), **head, "resources": []}


def an_alarm_speaks(name: str) -> dict[str, Any]:
    """A change of an alarm's state, as *Alarm events and EventBridge* in the CloudWatch User Guide prints it."""
    arn = f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}"
    head = {"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "resources": [arn]}
    states = {"previousState": {"value": "OK"}, "state": {"value": "ALARM", "reason": "Threshold Crossed"}}
    about = {"description": "It is so. Runbook: docs/operations/messages-fail.md", "metrics": []}
    return {**a_finding(), **head, "detail": {"alarmName": name, "configuration": about, **states}}


EVENTS = {path.stem: json.loads(path.read_text()) for path in sorted((REPOSITORY / "events").glob("*.json"))}
EVENTS["a_finding"] = a_finding()
EVENTS["a_sweep_has_ended"] = the_end_of_a_sweep("Ledger")
EVENTS["a_sweep_of_another_stack_has_ended"] = the_end_of_a_sweep("another")
EVENTS["an_alarm_of_the_stack_speaks"] = an_alarm_speaks("kms-perimeter-MessagesFail-1A2B3C4D5E6F")
EVENTS["an_alarm_of_somebody_else_speaks"] = an_alarm_speaks("billing")
LEFT_OUT = {
    "a_call_to_another_service": "it is not about KMS",
    "a_key_is_scheduled_for_deletion": "a dying key cannot be used; if it is saved, that is watched",
    "an_alarm_of_somebody_else_speaks": "it is not about this service",
    "a_sweep_of_another_stack_has_ended": "that stack has a rule of its own",
    "somebody_may_not_put_a_policy": "the call failed and changed nothing",
    "somebody_reads_a_policy": "reading changes nothing",
}
"""Events that pass no rule, and why."""

PASSES = {
    "a_finding": "FindingsForTheCentre",
    "a_sweep_has_ended": "SweepHasEnded",
    "an_alarm_of_the_stack_speaks": "AlarmsForTheCentre",
}
"""Events that pass another rule than `KeyChanges`, and which."""


@pytest.fixture(scope="session")
def patterns(template: dict[str, Any]) -> dict[str, str]:
    """The pattern of each rule, by the rule's logical ID."""
    rules = {n: r["Properties"]["EventPattern"] for n, r in resources(template, "AWS::Events::Rule").items()}
    for function in functions(template).values():
        own = function["Properties"].get("Events", {})
        rules |= {n: e["Properties"]["Pattern"] for n, e in own.items() if e["Type"] == "EventBridgeRule"}
    known = {
        '{"Ref": "AWS::AccountId"}': '"111122223333"',
        '{"Ref": "Ledger"}': '"Ledger"',
        '{"Fn::Sub": "${AWS::StackName}-"}': '"kms-perimeter-"',
    }
    return {name: _with(known, json.dumps(rule)) for name, rule in rules.items()}


def _with(known: dict[str, str], text: str) -> str:
    for reference, value in known.items():
        text = text.replace(reference, value)
    return text


@pytest.fixture(scope="module")
def ministack() -> Iterator[Any]:
    """A client of the embedded AWS's EventBridge."""
    with EmbeddedAws() as aws:
        yield aws.client("events")


def expected(event: str) -> list[str]:
    """The rules that an event is to pass."""
    return [] if event in LEFT_OUT else [PASSES.get(event, "KeyChanges")]


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_passes_the_rule_that_it_is_for_and_no_other(event: str, patterns: dict[str, str]) -> None:
    """By moto's matcher."""
    passed = [name for name, pattern in patterns.items() if EventPattern.load(pattern).matches_event(EVENTS[event])]

    assert passed == expected(event)


@pytest.mark.stack
def test_ministack_finds_the_same(patterns: dict[str, str], ministack: Any) -> None:  # noqa: ANN401 - a boto3 client
    """By ministack's matcher, which shares nothing with moto's, through the API TestEventPattern."""
    for name, event in EVENTS.items():
        text = json.dumps({"id": "1", "resources": [], **event})
        passed = [
            rule
            for rule, pattern in patterns.items()
            if ministack.test_event_pattern(EventPattern=pattern, Event=text)["Result"]
        ]

        assert (name, passed) == (name, expected(name))


def test_every_rule_is_passed_by_some_event(patterns: dict[str, str]) -> None:
    """A rule without an example is one that nobody has tried; an expectation without an event is stale."""
    assert {rule for event in EVENTS for rule in expected(event)} == set(patterns)
    assert set(LEFT_OUT) | set(PASSES) <= set(EVENTS)


def test_the_rule_and_the_code_watch_the_same_operations(template: dict[str, Any]) -> None:
    """An operation that only one of them knows would be lost."""
    pattern = template["Resources"]["KeyChanges"]["Properties"]["EventPattern"]

    assert tuple(pattern["detail"]["eventName"]) == WATCHED


def test_every_event_that_is_a_change_passes_the_rule(patterns: dict[str, str]) -> None:
    """The pattern is never narrower than the code."""
    rule = EventPattern.load(patterns["KeyChanges"])
    changes = [event for event in EVENTS.values() if isinstance(read(event), KeyChange)]

    assert changes
    assert all(rule.matches_event(event) for event in changes)
