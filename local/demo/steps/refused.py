"""Policies that KMS itself refuses: nothing has changed, so the service is not woken."""

from typing import Any

from botocore.exceptions import ClientError

from local.demo.cast import AT_HOME, DEVELOPER, policy
from local.demo.day import Day


def kms_refuses_bad_policies(day: Day) -> None:
    """A policy that is not JSON, and one that would lock everybody out."""
    day.screen.say("KMS refuses some policies. A refused call has changed nothing, and the service is not woken.")
    developer = day.stage.aws.client("kms", identity=DEVELOPER, source_ip=AT_HOME)
    key = day.keys["orders"]
    _expect_refused(day, developer, key, "enclosed.json with a comma too many", policy("enclosed") + ",")
    _expect_refused(day, developer, key, "locks_everybody_out.json", policy("locks_everybody_out"))
    refused = day.stage.trail.those(lambda record: bool(record.error) and key in record.text)
    woken = [line for record in refused for line in day.stage.journal.lines(cause=record.event_id)]
    day.screen.expect("the rule has let none of these events through", refused and not woken, woken or refused)


def _expect_refused(day: Day, developer: Any, key: str, what: str, text: str) -> None:  # noqa: ANN401 - a boto3 client
    day.screen.call(DEVELOPER, f"PutKeyPolicy(orders, {what})")
    code = "nothing"
    try:
        developer.put_key_policy(KeyId=key, Policy=text)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
    day.screen.expect(f"KMS answers {code}", code == "MalformedPolicyDocumentException")
