"""The commands about the ledger, on the deployed service: the way back, the story, and an end to contests."""

import json

import pytest

from kms_perimeter.verdict import Outcome
from local.demo.cast import TERRAFORM, policy
from local.stage import Stage, about
from tests.unit.command import Ran, run

pytestmark = pytest.mark.stack


def command(stage: Stage, *arguments: str) -> Ran:
    """Runs `kms-perimeter` against the embedded AWS, as whoever its usual credentials are of."""
    return run(*arguments, env=stage.aws.environ())


def test_the_guard_heeds_a_forced_rollback(stage: Stage) -> None:
    """The old policy stays for as long as the exception lasts, and the way forward is open again."""
    key = stage.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    opened = stage.keys.policy(key)
    stage.alerts.wait_for(about(key, "remediated"), "the report that the key is closed")
    enclosed = stage.keys.policy(key)

    refused = command(stage, "rollback", key, "--yes")
    forced = command(stage, "rollback", key, "--yes", "--force", "--reason", "a batch job breaks")
    sweep = stage.sweep()
    looked = stage.journal.wait_for("the sweep's look at it", key=key, cause=sweep)

    assert (refused.status, forced.status) == (1, 0)
    assert looked.done in ("ignore", "quiet")
    assert json.loads(stage.keys.policy(key)) == json.loads(opened)
    kinds = [entry["kind"] for entry in command(stage, "history", key, "--format", "json").json]
    assert [kind for kind in kinds if kind != "verdict"] == ["planned", "remediated", "rolled-back"]

    undone = next(e for e in stage.ledger.entries(key) if e.kind.word == "rolled-back")
    assert command(stage, "rollback", key, "--yes", "--to", undone.id).status == 0
    assert json.loads(stage.keys.policy(key)) == json.loads(enclosed)
    assert stage.failures() == []


def test_a_contested_key_that_is_resumed_is_closed_at_once(stage: Stage) -> None:
    """Nobody has to wait for the next sweep."""
    pipeline, theirs = stage.aws.client("kms", identity=TERRAFORM), policy("kept_by_terraform")
    key = pipeline.create_key(Policy=theirs)["KeyMetadata"]["Arn"]
    for count in (1, 2, 3):
        stage.alerts.wait_for(about(key, "remediated"), "the report that the key is closed", count=count)
        pipeline.put_key_policy(KeyId=key, Policy=theirs)
    stage.alerts.wait_for(about(key, "contested"), "the alert that the key is contested")

    resumed = command(stage, "resume", key, "--reason", "the pipeline is mended")

    assert resumed.status == 0
    stage.alerts.wait_for(about(key, "remediated"), "the report that the key is closed", count=4)
    assert stage.judge(key).outcome is Outcome.ENCLOSED


def test_a_question_is_answered_from_the_command_line(asking: Stage) -> None:
    """The ID stands in the alert; the ledger names the caller."""
    pipeline = asking.aws.client("kms", identity=TERRAFORM)
    key = pipeline.create_key(Policy=policy("kept_by_terraform"))["KeyMetadata"]["Arn"]
    alert = asking.alerts.wait_for(about(key, "ask"), "the question")

    approved = command(asking, "approve", alert.data["ask"], "--yes")
    asking.alerts.wait_for(about(key, "remediated"), "the report that the key is closed")

    assert approved.status == 0
    assert asking.judge(key).outcome is Outcome.ENCLOSED
    assert command(asking, "approve", alert.data["ask"], "--yes").status == 1
