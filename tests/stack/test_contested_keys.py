"""A key that somebody opens again each time the guard closes it."""

import pytest

from local.demo.cast import TERRAFORM, policy
from local.stage import Stage, about, put_by

pytestmark = pytest.mark.stack


def test_a_contested_key_is_given_up_once_and_loudly(stage: Stage) -> None:
    """Closed three times and opened a fourth time: one loud alert, and the key stays as the pipeline wants it."""
    pipeline = stage.aws.client("kms", identity=TERRAFORM)
    theirs = policy("kept_by_terraform")
    key = pipeline.create_key(Policy=theirs)["KeyMetadata"]["Arn"]
    for count in (1, 2, 3):
        stage.alerts.wait_for(about(key, "remediated"), "the report that the key is closed", count=count)
        pipeline.put_key_policy(KeyId=key, Policy=theirs)
    alert = stage.alerts.wait_for(about(key, "contested"), "the alert that the key is contested")

    pipeline.put_key_policy(KeyId=key, Policy=theirs)

    by_pipeline = put_by(TERRAFORM.rsplit("/", 1)[-1], key)
    last = stage.trail.wait_for(by_pipeline, "the event of the last call", count=4)
    assert stage.journal.wait_for("the look at it", key=key, cause=last.event_id).done == "quiet"
    kinds = [alert.data["kind"] for alert in stage.alerts.those(about(key))]
    assert kinds == [*["remediate", "remediated"] * 3, "contested"]
    assert alert.data["severity"] == "high"
    assert stage.keys.policy(key) == theirs
