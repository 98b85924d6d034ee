"""A day in which every function does everything that it can do, so that its AWS calls can be compared with its role.

Who adds a function, or a call to one, adds here what makes it happen.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.ledger import Ask, Asks
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.slack_actions import Action
from kms_perimeter.sweep import Ended, SweepBatch
from tests.deployment.stack import sns_event
from tests.unit import clicks
from tests.unit.account import a_change

if TYPE_CHECKING:
    from tests.deployment.stack import Stack

PRODUCTION = [{"TagKey": "Environment", "TagValue": "production"}]


def live(stack: Stack) -> None:
    """Everything that the functions know, once."""
    a_key_is_opened_and_closed(stack)
    a_kept_policy_is_put_back(stack)
    a_key_was_open_for_a_while(stack)
    a_key_waits_for_a_person(stack)
    a_key_leaves_its_perimeter(stack)
    a_key_is_swept(stack)
    a_swept_key_comes_again(stack)
    a_fleet_is_swept(stack)
    an_alert_is_posted(stack)
    a_sweep_is_reported_on(stack)
    people_answer_in_slack(stack)
    there_is_too_much_to_say(stack)
    the_stack_is_deployed(stack)


def a_key_is_opened_and_closed(stack: Stack) -> None:
    """A key of production with the default policy is told, fixed and told again."""
    key = stack.make_key(Tags=PRODUCTION)
    stack.run()
    assert "vpce-1234abcdf5678c90a" in stack.policy(key), stack.log("OnRemediation")


def a_kept_policy_is_put_back(stack: Stack) -> None:
    """A key that was enclosed is opened: its perimeter wants the last enclosed policy back, which the ledger has."""
    kms = stack.aws.client("kms")
    key = stack.make_key()
    kms.create_alias(AliasName="alias/pipeline-orders", TargetKeyId=key)
    default = stack.policy(key)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=enclosed(default))
    stack.run()
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=default)
    stack.run()
    assert "vpce-1234abcdf5678c90a" in stack.policy(key), stack.log("OnRemediation")


def a_key_was_open_for_a_while(stack: Stack) -> None:
    """A key is opened and closed again by the same person before the guard looks: the event still tells of it."""
    kms = stack.aws.client("kms")
    key = stack.make_key(Tags=PRODUCTION)
    stack.run()
    closed = stack.policy(key)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=opened(closed))
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=closed)
    stack.run()


def opened(policy: str) -> str:
    """The policy without what it denies."""
    document: dict[str, Any] = json.loads(policy)
    kept = [statement for statement in document["Statement"] if statement["Effect"] == "Allow"]
    return json.dumps({**document, "Statement": kept})


def enclosed(policy: str) -> str:
    """The policy with a statement that denies use from elsewhere."""
    document: dict[str, Any] = json.loads(policy)
    document["Statement"].append(
        {
            "Sid": "OnlyFromTheEndpoint",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["kms:*crypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:DeriveSharedSecret", "kms:*Mac"],
            "Resource": "*",
            "Condition": {
                "StringNotEquals": {"aws:SourceVpce": "vpce-1234abcdf5678c90a"},
                "BoolIfExists": {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false"},
            },
        }
    )
    return json.dumps(document)


def a_key_waits_for_a_person(stack: Stack) -> None:
    """A key whose perimeter asks first is told, with the question."""
    key = stack.make_key()
    stack.aws.client("kms").create_alias(AliasName="alias/asked-orders", TargetKeyId=key)
    stack.run()


def a_key_leaves_its_perimeter(stack: Stack) -> None:
    """A key loses the alias by which it was watched; a key that never had one is nobody's business."""
    kms = stack.aws.client("kms")
    key = stack.make_key()
    kms.create_alias(AliasName="alias/watched-orders", TargetKeyId=key)
    stack.run()
    kms.delete_alias(AliasName="alias/watched-orders")
    stack.run()


def a_key_is_swept(stack: Stack) -> None:
    """The sweep finds all keys, and one whose event was lost; it is ordered twice, as Scheduler may do; it ends."""
    stack.aws.client("kms", loses_events=True).create_key(Tags=PRODUCTION)
    order_sweep(stack)
    order_sweep(stack)
    stack.run()
    order_sweep(stack)
    assert "all keys have been worked on" in stack.log("OnSweep")


def order_sweep(stack: Stack) -> None:
    """Scheduler orders the sweep of noon, and the lister goes on with it."""
    stack.aws.client("sqs").send_message(QueueUrl=stack.named["SweepsQueue"], MessageBody='{"sweep": "noon"}')
    assert stack.feed("OnSweep", "SweepsQueue"), stack.log("OnSweep")


def a_sweep_is_reported_on(stack: Stack) -> None:
    """The sweep has ended: what is delivered from the bus makes a report and a message."""
    stack.aws.client("kms", loses_events=True).create_key()  # which nobody has looked at
    now = datetime.now(UTC)
    said = Ended("noon", now - timedelta(hours=1), now, 12).event(stack.named["Ledger"])
    answer = stack.invoke("OnReport", {"id": "1", "detail": json.loads(said["Detail"])})
    assert answer is None, stack.log("OnReport")
    assert stack.kinds().count("sweep") == 1
    stack.run()


def a_fleet_is_swept(stack: Stack) -> None:
    """The state machine asks about this very deployment."""
    here = {"account": stack.aws.account, "region": stack.aws.region, "role": "Fleet", "stack": "kms-perimeter"}
    answer = stack.invoke("OnFleetSweep", {**here, "sweep": "noon", "ask": True})
    assert answer["sweep"] == "noon", stack.log("OnFleetSweep")


def a_swept_key_comes_again(stack: Stack) -> None:
    """A key whose state in the ledger somebody has spoilt does not keep the keys that came with it."""
    keys, dynamodb = [stack.make_key(), stack.make_key()], stack.aws.client("dynamodb")
    stack.run()
    spoilt = {"key_arn": {"S": keys[0]}, "entry": {"S": "state"}}
    dynamodb.put_item(TableName=stack.named["Ledger"], Item={**spoilt, "excepted_until": {"S": "some day"}})
    batch = SweepBatch("evening", datetime.now(UTC), tuple(keys))
    stack.aws.client("sqs").send_message(QueueUrl=stack.named["ChangesQueue"], MessageBody=json.dumps(batch.to_json()))
    stack.run()
    assert '"done":"postponed"' in stack.log("OnKeyChange")
    dynamodb.delete_item(TableName=stack.named["Ledger"], Key=spoilt)


def an_alert_is_posted(stack: Stack) -> None:
    """Slack, Security Hub and the event bus get what the topic has delivered last."""
    *_, alert = stack.alerts()
    for function in ("OnAlert", "OnFinding"):
        answer = stack.invoke(function, sns_event(alert))
        assert answer is None, answer


def people_answer_in_slack(stack: Stack) -> None:
    """Somebody approves a plan, somebody answers for a key, and a question turns out to be stale."""
    approved, excepted, stale = (a_question(stack) for _ in range(3))
    kms = stack.aws.client("kms")
    kms.put_key_policy(KeyId=stale.key_arn, PolicyName="default", Policy=enclosed(stack.policy(stale.key_arn)))
    soon = (datetime.now(UTC) + timedelta(days=7)).date().isoformat()

    click(stack, Action.APPROVE, approved)
    click(stack, Action.IGNORE_UNTIL, excepted, selected_date=soon)
    click(stack, Action.APPROVE, stale)
    while stack.feed("OnAnswer", "AnswersQueue"):
        pass
    stack.run()


def a_question(stack: Stack) -> Ask:
    """A key whose plan waits for an answer."""
    key = stack.make_key()
    change = a_change(key, event=key[-12:]).to_json()
    plan = {"strategy": "guard", "policy": enclosed(stack.policy(key))}
    ask = Ask(key[-12:], key, fingerprint(stack.policy(key)), change, "", plan, "2026-11-24T12:00:00Z")
    Asks(stack.aws.client("dynamodb"), stack.named["Ledger"]).put(ask)
    return ask


def click(stack: Stack, action: Action, ask: Ask, **picked: str) -> None:
    """Slack tells of a click."""
    payload = clicks.a_payload(action, ask.id, response_url=stack.slack.url, **picked)
    answer = stack.invoke("OnSlack", clicks.signed(payload, at=datetime.now(UTC)))
    assert answer == {"statusCode": 200}, stack.log("OnSlack")


def there_is_too_much_to_say(stack: Stack) -> None:
    """A storm: more keys are opened than people would read about, so the rest is told in one message."""
    stack.storm_comes()
    for _ in range(3):  # each is told twice: that it will be fixed, and that it is
        stack.make_key(Tags=PRODUCTION)
    stack.run()
    assert stack.feed("OnDigest", "DigestQueue"), stack.log("OnKeyChange")
    stack.storm_passes()


def the_stack_is_deployed(stack: Stack) -> None:
    """CloudFormation asks whether the perimeter file is good, and gets an answer."""
    assert "FAILED" in stack.check_perimeter_file("{}")
