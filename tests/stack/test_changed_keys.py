"""A key that changes: the whole way from the call, over CloudTrail, to the closed key and the people who are told."""

import pytest

from kms_perimeter.aws.ledger import Kind
from kms_perimeter.verdict import Outcome
from local.demo.cast import CONTRACTOR, IN_A_CAFE, PLATFORM_TEAM, policy
from local.stage import ENDPOINT, Stage, about, call_of, put_by

pytestmark = pytest.mark.stack


def test_a_key_created_open_is_closed(stage: Stage) -> None:
    """The default policy is told about, replaced by an enclosed one, and kept in the ledger."""
    key = stage.aws.client("kms").create_key()["KeyMetadata"]["Arn"]

    alert = stage.alerts.wait_for(about(key, "remediate"), "the alert")
    stage.alerts.wait_for(about(key, "remediated"), "the report")

    assert alert.data["verdict"] == "escapes"
    assert stage.judge(key).outcome is Outcome.ENCLOSED
    assert [entry.kind for entry in stage.ledger.entries(key)] == [Kind.REMEDIATED, Kind.PLANNED, Kind.VERDICT]


def test_an_alert_says_who_opened_the_key_and_from_where(stage: Stage) -> None:
    """An enclosed key that somebody opens to a stranger: actor, address, statement; on SNS and in Slack."""
    team = stage.aws.client("kms", identity=PLATFORM_TEAM, vpc_endpoint=ENDPOINT)
    key = team.create_key(Policy=policy("enclosed"))["KeyMetadata"]["Arn"]
    stage.journal.wait_for("the look at the enclosed key", key=key, done="ignore")
    contractor = stage.aws.client("kms", identity=CONTRACTOR, source_ip=IN_A_CAFE)

    contractor.put_key_policy(KeyId=key, Policy=policy("open_to_a_partner"))

    alert = stage.alerts.wait_for(about(key), "the alert")
    change, escapes = alert.data["change"], alert.data["escapes"]
    assert (change["actor"], change["source_ip"], change["event_name"]) == (CONTRACTOR, IN_A_CAFE, "PutKeyPolicy")
    assert "PartnerReadsOurExports" in {escape["statement"]["sid"] for escape in escapes}
    assert alert.data["severity"] == "critical"
    assert alert.text in stage.slack_about(key, 1)


def test_a_key_that_was_opened_while_it_was_dying_is_closed_once_it_is_saved(stage: Stage) -> None:
    """KMS takes a policy for a key pending deletion, which nobody can use: whoever saves it makes it usable."""
    kms = stage.aws.client("kms")
    key = kms.create_key(Policy=policy("enclosed"))["KeyMetadata"]["Arn"]
    stage.journal.wait_for("the look at the enclosed key", key=key, done="ignore")
    kms.schedule_key_deletion(KeyId=key)
    kms.put_key_policy(KeyId=key, Policy=policy("open_to_a_partner"))
    stage.journal.wait_for("the look at the dying key", key=key, done="ignored")

    kms.cancel_key_deletion(KeyId=key)

    stage.alerts.wait_for(about(key, "remediated"), "the report")
    assert stage.judge(key).outcome is Outcome.ENCLOSED


def test_the_guards_own_event_stays_silent(stage: Stage) -> None:
    """The guard's PutKeyPolicy comes round as an event like any other; it is looked at, and nothing comes of it."""
    key = stage.aws.client("kms").create_key()["KeyMetadata"]["Arn"]

    record = stage.trail.wait_for(put_by(stage.guard, key), "the event of the guard's own call")
    line = stage.journal.wait_for("the look at it", key=key, cause=record.event_id)

    assert line.done == "quiet"
    assert [alert.data["kind"] for alert in stage.alerts.those(about(key))] == ["remediate", "remediated"]


def test_a_key_set_up_in_several_calls_is_told_about_once(stage: Stage) -> None:
    """Consoles and pipelines create, name and tag a key within a second; people hear of it once.

    An event that meets another run at the same key is deferred, and comes again when all is settled.
    """
    kms = stage.aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/set-up", TargetKeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "Owner", "TagValue": "x"}])

    records = [stage.trail.wait_for(call_of(name, key), name) for name in ("CreateKey", "CreateAlias", "TagResource")]
    looks = [stage.journal.wait_for(f"the look at {r.name}", key=key, cause=r.event_id).done for r in records]
    stage.alerts.wait_for(about(key, "remediated"), "the report")

    assert set(looks) <= {"remediate", "quiet", "deferred"}
    assert [alert.data["kind"] for alert in stage.alerts.those(about(key))] == ["remediate", "remediated"]


def test_an_event_delivered_again_is_told_about_once(stage: Stage) -> None:
    """CloudTrail, EventBridge and SQS deliver at least once; the second time nothing comes of it."""
    key = stage.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    stage.alerts.wait_for(about(key, "remediated"), "the report")
    record = stage.trail.wait_for(call_of("CreateKey", key), "the event")

    stage.send(record.text)

    stage.journal.wait_for("the look at it, again", key=key, cause=record.event_id, done="quiet")
    assert [alert.data["kind"] for alert in stage.alerts.those(about(key))] == ["remediate", "remediated"]
