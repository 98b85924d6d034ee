"""The wires of the real template carry on the embedded AWS: each is in the probe's stack, and each is pulled once."""

import json

import pytest
from botocore.exceptions import ClientError

from local.slack import Webhook
from local.wire import ACCOUNT
from tests.local.probe_stack import Probe, until
from tests.local.trail import listening


def test_a_changed_key_reaches_the_function(probe: Probe) -> None:
    """KMS call, CloudTrail record, EventBridge rule, SQS queue, function: the way of the real service."""
    arn = probe.aws.client("kms").create_key()["KeyMetadata"]["Arn"]

    [event] = until(lambda: probe.seen(arn))

    assert json.loads(event)["detail"]["eventName"] == "CreateKey"


def test_a_refused_call_does_not(probe: Probe) -> None:
    """The rule's pattern leaves out records with an `errorCode`."""
    kms = probe.aws.client("kms")
    with pytest.raises(ClientError):
        kms.create_key(Policy='{"refused": 1}')

    arn = kms.create_key()["KeyMetadata"]["Arn"]

    assert until(lambda: probe.seen(arn))
    assert probe.seen("refused") == []


def test_a_function_calls_as_its_role(probe: Probe) -> None:
    """What a function does in KMS is on the trail as the session of the function's own role."""
    with listening(probe.aws) as trail:
        arn = probe.order(do="create-key")["arn"]
        [record] = trail.records(1)

    role, function = probe.outputs["RoleArn"].rsplit("/", 1)[1], probe.outputs["FunctionName"]
    assert record["userIdentity"]["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{function}"
    assert record["resources"][0]["ARN"] == arn


def test_a_function_reads_its_secret_and_reaches_slack(probe: Probe, slack: Webhook) -> None:
    """The webhook's URL comes from Secrets Manager, and the function can post to loopback."""
    returned = probe.order(do="post", text="hello")

    assert returned == {"status": 200}
    assert slack.wait_for(1)[-1] == {"text": "hello"}


def test_parameters_arrive_as_given(probe: Probe) -> None:
    """Blanks, quotes and equals signs survive `sam deploy`'s own reading of `--parameter-overrides`."""
    assert probe.order(do="words") == {"words": 'a "b" c=d'}


def test_a_failed_message_comes_again_alone_and_ends_as_a_dead_letter(probe: Probe) -> None:
    """ReportBatchItemFailures: the good messages of a batch are done; the bad one is retried, then put aside."""
    probe.send("ChangesUrl", "fail")
    probe.send("ChangesUrl", "good one")

    assert until(lambda: probe.seen("good one")) == ["good one"]
    dead = probe.aws.client("sqs").receive_message(QueueUrl=probe.outputs["DeadLettersUrl"], WaitTimeSeconds=15)
    assert [message["Body"] for message in dead["Messages"]] == ["fail"]
    assert probe.seen("good one") == ["good one"]


def test_a_fifo_group_keeps_its_order(probe: Probe) -> None:
    """Messages of one group arrive one after the other, in the order in which they were sent."""
    for number in range(8):
        probe.send("OrderedUrl", f"step {number}", MessageGroupId="key")

    arrived = until(lambda: found if len(found := probe.seen("step ")) == 8 else None)

    assert arrived == [f"step {number}" for number in range(8)]


def test_a_fifo_queue_takes_a_message_once(probe: Probe) -> None:
    """The same deduplication ID within five minutes is the same message."""
    for body in ("once", "once more"):
        probe.send("OrderedUrl", body, MessageGroupId="twice", MessageDeduplicationId="same")
    probe.send("OrderedUrl", "last of twice", MessageGroupId="twice")

    assert until(lambda: probe.seen("last of twice"))
    assert probe.seen("once") == ["once"]


def test_a_topic_reaches_its_queue_and_its_function(probe: Probe) -> None:
    """SNS delivers to a subscribed queue and to a subscribed function, with the message's attributes."""
    attributes = {"severity": {"DataType": "String", "StringValue": "high"}}
    probe.aws.client("sns").publish(
        TopicArn=probe.outputs["AlertsArn"], Subject="s", Message="alert!", MessageAttributes=attributes
    )

    heard = probe.aws.client("sqs").receive_message(QueueUrl=probe.outputs["HeardUrl"], WaitTimeSeconds=10)

    envelope = json.loads(heard["Messages"][0]["Body"])
    assert (envelope["Message"], envelope["MessageAttributes"]["severity"]["Value"]) == ("alert!", "high")
    assert until(lambda: probe.sources("alert!")) == ["sns"]


def test_the_ledger_writes_on_condition_and_finds_by_index(probe: Probe) -> None:
    """DynamoDB: a conditional write that fails says so, an index finds, a transaction is all or nothing."""
    table, ledger = probe.outputs["LedgerName"], probe.aws.client("dynamodb")
    item = {"pk": {"S": "key#1"}, "sk": {"S": "v1"}, "verdict": {"S": "escapes"}, "expires": {"N": "4102444800"}}
    ledger.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")

    with pytest.raises(ledger.exceptions.ConditionalCheckFailedException):
        ledger.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")
    once = {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
    other = {"Put": {"TableName": table, "Item": {**item, "sk": {"S": "v2"}}}}
    with pytest.raises(ledger.exceptions.TransactionCanceledException):
        ledger.transact_write_items(TransactItems=[other, once])

    found = ledger.query(
        TableName=table,
        IndexName="by-verdict",
        KeyConditionExpression="verdict = :v",
        ExpressionAttributeValues={":v": {"S": "escapes"}},
    )
    assert [entry["sk"]["S"] for entry in found["Items"]] == ["v1"]


def test_log_group_alarm_and_schedule_are_there(probe: Probe) -> None:
    """What only AWS can act on exists with what the template says about it."""
    logs = probe.aws.client("logs").describe_log_groups(logGroupNamePrefix=probe.outputs["LogGroupName"])
    [alarm] = probe.aws.client("cloudwatch").describe_alarms(AlarmNames=[probe.outputs["AlarmName"]])["MetricAlarms"]
    schedules = probe.aws.client("scheduler").list_schedules()["Schedules"]

    assert logs["logGroups"][0]["retentionInDays"] == 30
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert [schedule["State"] for schedule in schedules] == ["ENABLED"]


def test_a_functions_output_is_in_its_log_group(probe: Probe) -> None:
    """What a function prints can be read from CloudWatch Logs."""
    probe.order(do="words")
    logs = probe.aws.client("logs")

    lines = until(lambda: logs.filter_log_events(logGroupName=probe.outputs["LogGroupName"])["events"])

    assert any("from the layer" in line["message"] for line in lines)
