"""The sweep looks at every key, whether an event told about it or not."""

import json

import pytest

from kms_perimeter.verdict import Outcome
from local.stage import Stage, about

pytestmark = pytest.mark.stack


def test_finds_and_closes_a_key_that_no_event_told_about(stage: Stage) -> None:
    """A key whose event was lost takes the same way as a changed one, with the sweep as the cause."""
    key = stage.aws.client("kms", loses_events=True).create_key()["KeyMetadata"]["Arn"]

    sweep = stage.sweep()

    alert = stage.alerts.wait_for(about(key, "remediate"), "the alert")
    stage.alerts.wait_for(about(key, "remediated"), "the report")
    assert "a sweep" in alert.text
    assert {entry.cause for entry in stage.ledger.entries(key)} == {sweep}
    assert stage.judge(key).outcome is Outcome.ENCLOSED


def test_closes_every_open_key_that_it_finds(stage: Stage) -> None:
    """Several keys with the same policy, all found by one sweep, are closed each."""
    kms = stage.aws.client("kms", loses_events=True)
    keys = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(3)]

    stage.sweep()

    for key in keys:
        stage.alerts.wait_for(about(key, "remediated"), "the report")
    assert [stage.judge(key).outcome for key in keys] == [Outcome.ENCLOSED] * 3


def test_says_nothing_about_keys_that_it_knows(stage: Stage) -> None:
    """A key that was closed is quiet in every sweep after that."""
    key = stage.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    stage.alerts.wait_for(about(key, "remediated"), "the report")

    sweep = stage.sweep()

    assert stage.journal.wait_for("the look at a known key", key=key, cause=sweep).done == "quiet"
    assert len(stage.alerts.those(about(key))) == 2


def test_leaves_keys_alone_that_are_not_its_business(stage: Stage) -> None:
    """A key that AWS manages and one that is to be deleted are skipped, each with its reason."""
    managed = stage.aws.seed_managed_key("aws/ebs")
    silent = stage.aws.client("kms", loses_events=True)
    dying = silent.create_key()["KeyMetadata"]["Arn"]
    silent.schedule_key_deletion(KeyId=dying, PendingWindowInDays=7)

    sweep = stage.sweep()

    assert stage.journal.wait_for("the look at AWS's key", key=managed, cause=sweep).reason == "aws-managed-key"
    assert stage.journal.wait_for("the look at the dying key", key=dying, cause=sweep).reason == "pending-deletion"


def test_an_order_that_comes_twice_is_one_sweep(stage: Stage) -> None:
    """What the schedule orders goes through a queue; the same order again looks at no key and counts no sweep."""
    sweep = "2026-11-24T06:00:00Z"
    order = {"QueueUrl": stage.outputs["SweepsQueueUrl"], "MessageBody": json.dumps({"sweep": sweep})}
    key = stage.aws.client("kms", loses_events=True).create_key()["KeyMetadata"]["Arn"]
    for _ in range(2):
        stage.aws.client("sqs").send_message(**order)

    steps = stage.journal.wait_for_steps(sweep, 2)
    stage.journal.wait_for("the look at the key", key=key, cause=sweep, done="remediate")

    assert steps.count("all keys are in the changes queue") == 1
    looks = [line for line in stage.journal.lines(key=key, cause=sweep) if line.done == "remediate"]
    assert len(looks) == 1
