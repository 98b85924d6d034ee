import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.unit.account import REGION, a_change
from tests.unit.command import ROOT, Ran, run

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
EVENT = (ROOT / "events" / "somebody_opens_a_key_from_the_internet.json").read_text()
FAILED_SWEEP: dict[str, Any] = {
    "requestContext": {
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:on-sweep:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    },
    "requestPayload": {"scheduled": True},
    "responsePayload": {"errorType": "ThrottlingException", "errorMessage": "Rate exceeded"},
}
STACK = Path(__file__).parent / "redrive" / "stack.json"


class Service:
    """A stack with the service's queues, in memory."""

    def __init__(self) -> None:
        clients: list[Any] = [boto3.client(name, REGION) for name in ("cloudformation", "sqs", "logs", "iam", "lambda")]
        formation, self.sqs, self.logs, iam, self.functions = clients
        formation.create_stack(StackName="kms-perimeter", TemplateBody=STACK.read_text())
        told = formation.describe_stacks(StackName="kms-perimeter")["Stacks"][0]["Outputs"]
        self.outputs: dict[str, str] = {one["OutputKey"]: one["OutputValue"] for one in told}
        self.role = iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def give_up(self, output: str, body: str, **parameters: Any) -> str:  # noqa: ANN401 - of SendMessage
        """Puts a message into a queue of dead letters; returns its ID."""
        return str(self.sqs.send_message(QueueUrl=self.outputs[output], MessageBody=body, **parameters)["MessageId"])

    def log_failure(self, message_id: str, error: str) -> None:
        """Logs what on_key_change logs when it fails at a message."""
        line = {
            "message": "the message must come again",
            "message_id": message_id,
            "exception_name": "ClientError",
            "exception": f"Traceback (most recent call last):\nbotocore.ClientError: {error}\nkey {KEY}, cause 1",
        }
        now = int(datetime.now(UTC).timestamp() * 1000)
        self.logs.create_log_stream(logGroupName="on-key-change", logStreamName="one")
        event = {"timestamp": now + 1000, "message": json.dumps(line)}
        self.logs.put_log_events(logGroupName="on-key-change", logStreamName="one", logEvents=[event])

    def bodies(self, output: str) -> list[str]:
        """What is in a queue now, without its letters' order."""
        answer = self.sqs.receive_message(QueueUrl=self.outputs[output], MaxNumberOfMessages=10, VisibilityTimeout=0)
        return sorted(message["Body"] for message in answer.get("Messages", ()))


@pytest.fixture
def service() -> Iterator[Service]:
    """The stack, with nothing given up."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield Service()


def redrive(*options: str) -> Ran:
    """Run the command in the Region of the stack."""
    return run("redrive", "--region", REGION, *options)


@pytest.mark.usefixtures("service")
def test_says_that_nothing_is_given_up() -> None:
    """A quiet service is one line and exit status 0."""
    assert redrive() == Ran(0, "nothing is given up\n", "")


def test_shows_what_was_given_up_and_why(service: Service) -> None:
    """Without --send nothing is moved; the reason comes from the function's log."""
    message_id = service.give_up("ChangesDeadLettersUrl", EVENT)
    service.log_failure(message_id, "Rate exceeded")

    ran = redrive("--format", "json")

    (shown,) = ran.json
    assert ran.status == 1
    assert (shown["queue"], shown["message_id"], shown["sent_back"]) == ("changes", message_id, False)
    assert shown["about"].startswith("PutKeyPolicy on arn:aws:kms:")
    assert shown["reason"] == f"botocore.ClientError: Rate exceeded; key {KEY}, cause 1"
    assert service.bodies("ChangesDeadLettersUrl") == [EVENT]
    assert service.bodies("ChangesQueueUrl") == []


def test_says_so_where_no_reason_is_to_be_found(service: Service) -> None:
    """Logs end after a while; the dead letter is shown all the same."""
    service.give_up(
        "ChangesDeadLettersUrl",
        json.dumps({"sweep": {"id": "1", "started_at": "2026-11-24T12:00:00+00:00", "keys": [KEY]}}),
    )

    out = redrive().out

    assert f"changes: given up: a sweep's look at 1 keys, from {KEY}" in out
    assert "no reason is to be found in the logs" in out
    assert out.endswith("1 given up; --send sends them back\n")


def test_tells_what_eventbridge_says_of_an_event_that_it_could_not_deliver(service: Service) -> None:
    """EventBridge leaves its reason in the attributes of the message."""
    said = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "Lack of permissions to invoke cross account target."}
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in said.items()}
    service.give_up("ChangesDeadLettersUrl", EVENT, MessageAttributes=attributes)

    (shown,) = redrive("--format", "json").json

    assert shown["reason"] == "NO_PERMISSIONS: Lack of permissions to invoke cross account target."


def test_sends_changes_back_into_their_queue(service: Service) -> None:
    """Each is in its queue again, as it was, and no longer among the dead letters."""
    for number in range(12):
        service.give_up("ChangesDeadLettersUrl", f'{{"number": {number:02}}}')

    ran = redrive("--send")

    assert (ran.status, ran.out.count("changes: sent back: ")) == (0, 12)
    assert len(service.bodies("ChangesQueueUrl")) == 10
    assert service.bodies("ChangesDeadLettersUrl") == []


def test_keeps_the_group_of_a_remediation(service: Service) -> None:
    """Work on one key is never done side by side, after a redrive neither."""
    order = json.dumps({"change": a_change(KEY).to_json(), "policy_hash": "1", "approved_by": None})
    service.give_up("RemediationsDeadLettersUrl", order, MessageGroupId=KEY, MessageDeduplicationId="1")

    ran = redrive("--send", "--queue", "remediations")

    url = service.outputs["RemediationsQueueUrl"]
    (message,) = service.sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert (message["Body"], message["Attributes"]["MessageGroupId"]) == (order, KEY)
    assert f"remediations: sent back: the order to fix {KEY}" in ran.out


def test_only_the_queues_that_are_asked_for(service: Service) -> None:
    """An operator may know the reason of one queue to be gone and that of another not."""
    service.give_up("ChangesDeadLettersUrl", EVENT)

    ran = redrive("--send", "--queue", "remediations")

    assert ran == Ran(0, "nothing is given up\n", "")
    assert service.bodies("ChangesDeadLettersUrl") == [EVENT]


def test_calls_a_function_again(service: Service) -> None:
    """A sweep that failed is called again, with what it was called with."""
    code = {"ZipFile": b""}
    service.functions.create_function(
        FunctionName="on-sweep", Runtime="python3.13", Role=service.role, Handler="handler.handle", Code=code
    )
    service.give_up("FailedInvocationsUrl", json.dumps(FAILED_SWEEP))

    ran = redrive("--send")

    assert ran.status == 0
    assert "invocations: sent back: a call of on-sweep" in ran.out
    assert "RetriesExhausted: Rate exceeded" in ran.out
    assert service.bodies("FailedInvocationsUrl") == []


def test_orders_a_sweep_again(service: Service) -> None:
    """What on_sweep has given up, or Scheduler could not deliver, goes back into the queue of sweeps."""
    order = '{"sweep": "2026-11-24T12:00:00Z"}'
    service.give_up("FailedInvocationsUrl", order)

    ran = redrive("--send")

    assert "invocations: sent back: the sweep 2026-11-24T12:00:00Z" in ran.out
    assert service.bodies("SweepsQueueUrl") == [order]


def test_puts_a_finding_on_the_bus_again(service: Service) -> None:
    """What EventBridge could not deliver to the central bus takes the same way once more."""
    detail = {"finding_info": {"uid": KEY}}
    event = {"source": "kms-perimeter", "detail-type": "KMS Perimeter Finding", "resources": [KEY], "detail": detail}
    arn = service.sqs.get_queue_attributes(QueueUrl=service.outputs["ChangesQueueUrl"], AttributeNames=["QueueArn"])
    events = boto3.client("events", REGION)
    events.put_rule(Name="centre", EventPattern='{"source": ["kms-perimeter"]}')
    events.put_targets(Rule="centre", Targets=[{"Id": "1", "Arn": arn["Attributes"]["QueueArn"]}])
    service.give_up("FailedInvocationsUrl", json.dumps(event))

    ran = redrive("--send")

    assert ran.status == 0
    assert json.loads(service.bodies("ChangesQueueUrl")[0])["detail"] == detail


def test_calls_no_function_of_others(service: Service) -> None:
    """Whoever can write to the queue cannot make an operator call any function that the operator may call."""
    context = {
        **FAILED_SWEEP["requestContext"],
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:payroll",
    }
    letter = json.dumps({**FAILED_SWEEP, "requestContext": context})
    service.give_up("FailedInvocationsUrl", letter)

    ran = redrive("--send")

    assert ran.status == 1
    assert "invocations: left where it is: a call of payroll" in ran.out


def test_the_terminal_obeys_nothing_in_a_dead_letter(service: Service) -> None:
    """A message's author must not be able to write to an operator's terminal."""
    event = json.loads(EVENT)
    event["detail"]["eventID"] = "\x1b[2J"
    service.give_up("ChangesDeadLettersUrl", json.dumps(event))

    assert "\x1b" not in redrive().out


@pytest.mark.usefixtures("service")
def test_refuses_a_stack_that_is_not_there() -> None:
    """The name and the Region are said, since one of the two is wrong."""
    ran = redrive("--stack", "elsewhere")

    assert ran == Ran(2, "", "kms-perimeter: there is no stack `elsewhere` in us-east-1\n")
