"""In the mode `approve` a person in Slack says what becomes of an open key."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kms_perimeter.verdict import Outcome
from local.demo.cast import TERRAFORM, policy
from local.stage import Stage, about

pytestmark = pytest.mark.stack


def opened(asking: Stage) -> tuple[str, dict[str, Any]]:
    """A key that a pipeline has left open, and the question in Slack about it."""
    kms = asking.aws.client("kms", identity=TERRAFORM)
    key = str(kms.create_key(Policy=policy("kept_by_terraform"))["KeyMetadata"]["Arn"])
    return key, asking.question_about(key)


def answered(asking: Stage, message: dict[str, Any], action: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Presses a button; gives what the service replies."""
    before = len(asking.slack.replies)
    assert asking.press(asking.click(message, action, **changes)) == 200
    return asking.reply(before + 1)


def test_an_approver_closes_a_key_from_slack(asking: Stage) -> None:
    """Looks at the plan, approves it; the key is enclosed, and the channel and the ledger know whose word it was."""
    key, question = opened(asking)

    plan = answered(asking, question, "show-plan")
    reply = answered(asking, question, "approve")
    asking.alerts.wait_for(about(key, "remediated"), "the report that the key is closed")

    assert plan["response_type"] == "ephemeral"
    assert '"Effect": "Deny"' in json.dumps(plan["blocks"]).replace('\\"', '"')
    assert reply["replace_original"] is True
    assert "Approved by <@U0ALICE>" in reply["text"]
    assert [block["type"] for block in reply["blocks"]] == [
        *(block["type"] for block in question["blocks"][:-1]),
        "context",
    ]
    assert asking.judge(key).outcome is Outcome.ENCLOSED
    approved = [entry.actor for entry in asking.ledger.entries(key) if entry.kind.word == "approved"]
    assert approved == ["slack:T0ACME/U0ALICE u0alice"]
    assert asking.failures() == []


def test_a_click_that_comes_again_changes_nothing(asking: Stage) -> None:
    """A second click, by whomever, hears who was first."""
    key, question = opened(asking)
    answered(asking, question, "approve")
    asking.alerts.wait_for(about(key, "remediated"), "the report that the key is closed")

    reply = answered(asking, question, "approve")

    assert "is approved by slack:T0ACME/U0ALICE u0alice already" in reply["text"]
    assert len(asking.alerts.those(about(key, "remediated"))) == 1


def test_strangers_and_forgers_change_nothing(asking: Stage) -> None:
    """Somebody else's click is declined, a forged or an old one is not even let in; the key stays as it is."""
    key, question = opened(asking)
    before = asking.keys.policy(key)

    reply = answered(asking, question, "approve", user="U0MALLORY")
    replies = len(asking.slack.replies)
    forged = asking.press(asking.click(question, "approve", secret="guessed"))
    old = asking.press(asking.click(question, "approve", age=301))

    assert (reply["response_type"], reply["replace_original"]) == ("ephemeral", False)
    assert "You are not among those who may answer here" in reply["text"]
    assert (forged, old) == (401, 401)
    assert len(asking.slack.replies) == replies
    assert asking.keys.policy(key) == before


def test_a_stale_plan_is_declined_and_asked_about_anew(asking: Stage) -> None:
    """The answer was to another policy; the new question can be answered."""
    key, question = opened(asking)
    kms = asking.aws.client("kms", identity=TERRAFORM)
    kms.put_key_policy(KeyId=key, Policy=policy("open_to_a_partner"))

    reply = answered(asking, question, "approve")
    again = asking.question_about(key, 2)
    answered(asking, again, "approve")
    asking.alerts.wait_for(about(key, "remediated"), "the report that the key is closed")

    assert "is another by now; the key is looked at again" in reply["text"]
    assert asking.judge(key).outcome is Outcome.ENCLOSED


def test_a_key_is_left_open_until_a_day(asking: Stage) -> None:
    """Somebody answers for it; a sweep finds it open and says nothing."""
    key, question = opened(asking)
    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()

    reply = answered(asking, question, "ignore-until", day=day)
    sweep = asking.sweep()
    looked = asking.journal.wait_for("the sweep's look at it", key=key, cause=sweep)

    assert f"answers for the key until {day}" in reply["text"]
    assert looked.done in ("ignore", "quiet")
    assert [alert.data["kind"] for alert in asking.alerts.those(about(key))] == ["ask"]
    assert asking.judge(key).outcome is Outcome.ESCAPES
