"""Each built function as Lambda would run it, and what it leaves in KMS, SNS, SQS and the ledger."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kms_perimeter.settings import Settings
from local.slack import Webhook
from tests.deployment.lambda_runtime import Function
from tests.deployment.stack import Stack, sns_event, sqs_record

pytestmark = pytest.mark.stack
APPROVED = "vpce-1234abcdf5678c90a"
PRODUCTION = [{"TagKey": "Environment", "TagValue": "production"}]


@pytest.fixture(autouse=True)
def _quiet(stack: Stack) -> None:
    """Nothing of an earlier test is left in the queues, nor of its time."""
    stack.run()
    stack.storm_passes()
    stack.alerts()


@pytest.fixture
def nobody() -> Iterator[socket.socket]:
    """An address where connections are taken and nothing is ever answered."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(30)
        yield listening


def url_of(listening: socket.socket) -> str:
    """The URL of an address."""
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def a_batch(*bodies: object) -> dict[str, Any]:
    """Messages of the changes queue that nobody has sent."""
    return {
        "Records": [
            {"messageId": f"message-{number}", "body": body, "attributes": {}, "eventSource": "aws:sqs"}
            for number, body in enumerate(body if isinstance(body, str) else json.dumps(body) for body in bodies)
        ]
    }


def kinds_kept(stack: Stack, key: str) -> list[str]:
    """The kinds of the ledger's entries about a key, in the order in which they came about."""
    entries = [item for item in stack.entries(key) if "kind" in item]
    return [entry["kind"]["S"].split("-")[-1] for entry in sorted(entries, key=lambda item: item["entry"]["S"])]


def test_a_changed_key_is_told_fixed_and_kept(stack: Stack) -> None:
    """From CloudTrail's event to the new policy: on_key_change and on_remediation, by the messages that they send."""
    key = stage_open_key(stack)

    stack.run()

    assert stack.kinds() == ["remediate", "remediated"]
    assert APPROVED in stack.policy(key)
    assert kinds_kept(stack, key) == ["verdict", "planned", "remediated"]


def stage_open_key(stack: Stack) -> str:
    """Somebody makes a key of production, with the default policy."""
    return stack.make_key(Tags=PRODUCTION)


def test_a_key_whose_event_was_lost_is_found_by_the_sweep(stack: Stack) -> None:
    """on_sweep puts every key into the changes queue; from there it is the same way."""
    kms = stack.aws.client("kms", loses_events=True)
    key = kms.create_key(Tags=PRODUCTION)["KeyMetadata"]["Arn"]

    answer = stack.invoke("OnSweep", {})
    stack.run()

    assert answer["messages"] >= 1
    assert stack.kinds() == ["remediate", "remediated"]
    assert APPROVED in stack.policy(key)


def test_what_the_guard_has_done_comes_round_and_is_met_with_silence(stack: Stack) -> None:
    """The event of its own PutKeyPolicy, and the same event again, tell nobody anything."""
    key = stage_open_key(stack)
    stack.run()
    stack.alerts()

    policy = stack.policy(key)
    stack.aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    stack.run()

    assert stack.kinds() == []
    assert stack.policy(key) == policy


def test_only_the_bad_message_of_a_batch_comes_again(stack: Stack) -> None:
    """What is not ours is ignored by name, and what cannot be worked on does not keep the others."""
    foreign = {"source": "aws.s3", "detail": {"eventSource": "s3.amazonaws.com"}}
    broken = {"sweep": {"id": "sweep-1", "started_at": "yesterday", "keys": [stack.make_key()]}}

    answer = stack.invoke("OnKeyChange", a_batch(foreign, broken, "not JSON"))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    log = stack.log("OnKeyChange")
    assert '"message":"not-kms"' in log
    assert '"message":"not-an-event"' in log
    assert "the message must come again" in log


def test_an_alert_is_posted_to_slack(stack: Stack, slack: Webhook) -> None:
    """The very alert that the topic delivers; what Slack is too busy for comes again; the URL is in no log."""
    stage_open_key(stack)
    stack.run()
    alert, *_ = stack.alerts()
    posted = len(slack.messages)

    slack.limit_rate(1)
    busy = stack.invoke("OnAlert", sns_event(alert))
    again = stack.invoke("OnAlert", sns_event(alert))

    assert busy["errorType"] == "SlackIsBusy"
    assert again is None
    assert [message["text"] for message in slack.messages[posted:]] == [json.loads(alert["Message"])["text"]]
    assert slack.url not in stack.log("OnAlert")


def test_an_alert_that_slack_refuses_does_not_come_again(stack: Stack, slack: Webhook) -> None:
    """The same message would be refused again; the log has it."""
    posted = len(slack.messages)
    message = json.dumps({"text": "HIGH", "blocks": [{"type": "no such block"}], "data": {}})

    answer = stack.invoke("OnAlert", sns_event({"MessageId": "1", "Message": message}))

    assert answer is None
    assert len(slack.messages) == posted
    assert "Slack refuses an alert" in stack.log("OnAlert")


def test_a_deployment_hears_whether_its_perimeter_file_is_good(stack: Stack) -> None:
    """on_deployment puts its answer where CloudFormation has asked it to."""
    answer = json.loads(stack.check_perimeter_file('{"version": 1}'))

    assert answer["Status"] == "FAILED"
    assert "the perimeter file is wrong: " in answer["Reason"]


def test_a_deployment_that_forgets_a_variable_says_which(stack: Stack) -> None:
    """The message is retried and in the end kept; the log names the variable."""
    with stack.function("OnKeyChange", LEDGER_TABLE="") as on_key_change:
        answer = on_key_change(a_batch({"sweep": {"id": "1", "started_at": "2026-11-24T12:00:00+00:00", "keys": []}}))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert "the environment variable `LEDGER_TABLE` is empty" in stack.log("OnKeyChange")


def test_the_deployment_sets_every_setting(stack: Stack) -> None:
    """Each function's environment makes settings, without one that is missing or unusable."""
    made = [Settings.from_environ(stack.configuration(name)["Environment"]["Variables"]) for name in stack.code.folders]

    assert {settings.ledger_table for settings in made} == {stack.named["Ledger"]}


def test_a_remediation_that_times_out_after_the_put_is_completed_by_the_next(
    stack: Stack, nobody: socket.socket
) -> None:
    """SNS does not answer, Lambda ends the function, the message comes again: told once, and the old policy is kept."""
    key = stage_open_key(stack)
    stack.feed("OnKeyChange", "ChangesQueue", wait=5)
    assert stack.kinds() == ["remediate"]
    orders = stack.named["RemediationsQueue"]
    (order,) = stack.take_messages(orders, wait=5)
    event = {"Records": [sqs_record(order, orders)]}

    with stack.function("OnRemediation", seconds=4, AWS_ENDPOINT_URL_SNS=url_of(nobody)) as on_remediation:
        answer = on_remediation(event)
    assert "timed out" in str(answer).lower()
    assert APPROVED in stack.policy(key)
    assert stack.kinds() == []

    assert stack.invoke("OnRemediation", event) == {"batchItemFailures": []}
    stack.drop(orders, order)
    assert stack.kinds() == ["remediated"]
    assert kinds_kept(stack, key) == ["verdict", "planned", "remediated"]


def test_a_function_that_runs_out_of_memory_loses_nothing(stack: Stack, nobody: socket.socket) -> None:
    """The kernel kills on_key_change while it tells of a key; six minutes later the message comes again."""
    key = stage_open_key(stack)
    changes = stack.named["ChangesQueue"]
    (change,) = stack.take_messages(changes, wait=5)
    event = {"Records": [sqs_record(change, changes)]}

    with stack.function("OnKeyChange", AWS_ENDPOINT_URL_SNS=url_of(nobody)) as on_key_change:
        answer = killed_when_it_asks(on_key_change, nobody, event)
    assert answer["errorType"] == "Runtime.ExitError"
    assert stack.kinds() == []

    six_minutes_pass(stack, key)
    assert stack.invoke("OnKeyChange", event) == {"batchItemFailures": []}
    stack.drop(changes, change)
    stack.run()
    assert stack.kinds() == ["remediate", "remediated"]
    assert APPROVED in stack.policy(key)


def killed_when_it_asks(function: Function, listening: socket.socket, event: dict[str, Any]) -> Any:  # noqa: ANN401
    """Invokes a function, kills it when it connects to the address, and returns what Lambda makes of that."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(function, event)
        listening.accept()
        function.kill()
        return answer.result()


def six_minutes_pass(stack: Stack, key: str) -> None:
    """The queue's visibility timeout: what the dead run has claimed is that much older when its message comes again."""
    table, at = stack.named["Ledger"], {"key_arn": {"S": key}, "entry": {"S": "state"}}
    stack.aws.client("dynamodb").update_item(
        TableName=table,
        Key=at,
        UpdateExpression="SET claimed_at = :then",
        ExpressionAttributeValues={":then": {"S": "2026-01-01T00:00:00+00:00"}},
    )


def test_a_function_sees_nothing_but_itself_the_layer_and_the_runtime(stack: Stack) -> None:
    """What this machine has installed besides would hide a dependency that the layer lacks."""
    path = [Path(folder) for folder in json.loads(stack.function("OnSweep").command()[-2])]

    assert [folder.name for folder in path] == ["on_sweep", "python", "runtime"]
    assert sorted(folder.name for folder in path[0].iterdir() if folder.name != "__pycache__") == ["handler.py"]
