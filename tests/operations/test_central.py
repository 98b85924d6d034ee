"""The central stack, deployed: what an account sends is kept and told, and nobody else may send."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from moto.events.models import EventPattern

from kms_perimeter import finding
from local.embedded import REPOSITORY, EmbeddedAws
from tests.deployment.stack import queue_arn
from tests.deployment.test_event_patterns import an_alarm_speaks
from tests.operations.conftest import read

pytestmark = pytest.mark.stack
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class Central:
    """The stack, and queues that hear what it tells."""

    def __init__(self, aws: EmbeddedAws) -> None:
        formation = aws.client("cloudformation")
        formation.create_stack(
            StackName="central",
            TemplateBody=(REPOSITORY / "central.yaml").read_text(),
            Parameters=[{"ParameterKey": "OrganizationId", "ParameterValue": "o-a1b2c3d4e5"}],
        )
        formation.get_waiter("stack_create_complete").wait(StackName="central", WaiterConfig={"Delay": 1})
        told = formation.describe_stacks(StackName="central")["Stacks"][0]["Outputs"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in told}
        self.events, self.sqs = aws.client("events"), aws.client("sqs")
        self.people = self.sqs.create_queue(QueueName="people")["QueueUrl"]
        aws.client("sns").subscribe(
            TopicArn=self.outputs["FindingsTopicArn"], Protocol="sqs", Endpoint=queue_arn(self.people)
        )

    def send(self, severity: str, verdict: str = "escapes") -> None:
        """An account reports a finding."""
        data = {"kind": "alert", "severity": severity, "key": KEY, "verdict": verdict}
        told = {"text": f"{severity.upper()}: 1234abcd can be used", "data": data, "dedup_key": severity}
        (one,) = finding.findings_of(told, datetime.now(UTC))
        self.events.put_events(Entries=[{**finding.event(one), "EventBusName": self.outputs["FindingsBusArn"]}])

    def got(self, url: str) -> list[str]:
        """The messages of a queue."""
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in answer.get("Messages", ())]


@pytest.fixture(scope="module")
def central() -> Iterator[Central]:
    """The stack on an AWS of its own."""
    with EmbeddedAws() as aws:
        yield Central(aws)


def test_all_findings_are_kept_and_the_grave_ones_told(central: Central) -> None:
    """The queue has both; people read of the grave one, with account and key."""
    central.send("low")
    central.send("critical")

    kept, (told,) = central.got(central.outputs["FindingsQueueUrl"]), central.got(central.people)
    assert [json.loads(body)["detail"]["severity"] for body in kept] == ["Low", "Critical"]
    assert json.loads(told)["Message"].strip('"').startswith("Critical, New: key 1234abcd can be used. Account ")
    assert KEY in told


def test_people_read_when_a_key_is_closed(central: Central) -> None:
    """The end of a finding is told too, though it is of no severity."""
    central.send("medium", "enclosed")

    (told,) = central.got(central.people)
    assert json.loads(told)["Message"].strip('"').startswith("Informational, Resolved: ")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("OK", "ALARM", True),
        ("OK", "INSUFFICIENT_DATA", True),
        ("ALARM", "OK", True),
        ("INSUFFICIENT_DATA", "OK", False),
    ],
)
def test_people_read_of_an_account_whose_guard_is_not_well(before: str, now: str, *, told: bool) -> None:
    """An alarm that speaks, the one that misses sweeps by having no data, and the end; not that a new stack is well."""
    rule = read("central.yaml")["Resources"]["AlarmsOfAccounts"]["Properties"]
    event = an_alarm_speaks("kms-perimeter-SweepsHaveStopped-1A2B3C4D5E6F")
    event["detail"] |= {"previousState": {"value": before}, "state": {"value": now}}

    assert EventPattern.load(json.dumps(rule["EventPattern"])).matches_event(cast("Any", event)) is told
    assert [target["Arn"] for target in rule["Targets"]] == [{"Ref": "HealthTopic"}]


def test_only_accounts_of_the_organisation_may_send_and_only_findings() -> None:
    """The bus's policy asks for the organisation and for the source: ours, or CloudWatch, for the alarms of stacks."""
    (statement,) = read("central.yaml")["Resources"]["FindingsBus"]["Properties"]["Policy"]["Statement"]

    assert statement["Action"] == "events:PutEvents"
    assert statement["Condition"] == {
        "StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}},
        "ForAllValues:StringEquals": {"events:source": [finding.SOURCE, "aws.cloudwatch"]},
        "Null": {"events:source": "false"},
    }
