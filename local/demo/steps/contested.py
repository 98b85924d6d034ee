"""A pipeline that puts the old policy back each time, until the guard gives the key up and says so once."""

from typing import Any

from local.demo.cast import BUILD_SERVER, TERRAFORM, policy
from local.demo.day import Day
from local.stage import about, put_by

_TIMES = ("first", "second", "third")  # as many as ContestedAfter, as the template has it unless told otherwise
_PUT_BACK = "PutKeyPolicy(reports, kept_by_terraform.json)"


def a_pipeline_fights_back(day: Day) -> None:
    """Closed three times and opened again each time: contested."""
    day.screen.say("A pipeline keeps a key's policy in its own repository and puts it back whenever it differs.")
    pipeline = day.stage.aws.client("kms", identity=TERRAFORM, source_ip=BUILD_SERVER)
    theirs = policy("kept_by_terraform")
    day.screen.call(TERRAFORM, 'CreateKey(Description="reports", Policy=kept_by_terraform.json)')
    key = day.keys["reports"] = pipeline.create_key(Description="reports", Policy=theirs)["KeyMetadata"]["Arn"]
    for count, time in enumerate(_TIMES, start=1):
        day.stage.alerts.wait_for(about(key, "remediated"), f"the {time} report that it is closed", count=count)
        day.screen.note(f"the guard closes it for the {time} time")
        day.screen.call(TERRAFORM, _PUT_BACK)
        pipeline.put_key_policy(KeyId=key, Policy=theirs)
    _expect_given_up(day, key)
    _expect_left_alone(day, pipeline, key, theirs)
    day.fates["reports"] = "fought over; given up, and said so"


def _expect_given_up(day: Day, key: str) -> None:
    alert = day.stage.alerts.wait_for(about(key, "contested"), "the alert that the key is contested")
    day.screen.alert(alert.text, ("What is open", "Who keeps opening it", "What the guard does", "What to do now"))
    severity = alert.data["severity"]
    day.screen.expect("the guard gives the key up and says so loudly", severity in ("high", "critical"), severity)


def _expect_left_alone(day: Day, pipeline: Any, key: str, theirs: str) -> None:  # noqa: ANN401 - a boto3 client
    """Put the policy once more: the guard looks, says nothing and does nothing."""
    stage, screen = day.stage, day.screen
    screen.call(TERRAFORM, f"{_PUT_BACK}, once more")
    pipeline.put_key_policy(KeyId=key, Policy=theirs)
    by_pipeline = put_by(TERRAFORM.rsplit("/", 1)[-1], key)
    record = stage.trail.wait_for(by_pipeline, "the event of the last call", count=len(_TIMES) + 1)
    line = stage.journal.wait_for("the look at the contested key", key=key, cause=record.event_id)
    screen.expect("the guard leaves the key alone", stage.keys.policy(key) == theirs and line.done == "quiet", line)
    kinds = [alert.data["kind"] for alert in stage.alerts.those(about(key))]
    screen.expect("and has said so once", kinds.count("contested") == 1 and kinds[-1] == "contested", kinds)
