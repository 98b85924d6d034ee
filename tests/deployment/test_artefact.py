"""What `sam build` makes, as Lambda would run it."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kms_perimeter.settings import Settings
from local.deploy import build
from local.embedded import REPOSITORY, EmbeddedAws
from local.slack import Webhook
from tests.deployment import lambda_runtime
from tests.deployment.lambda_runtime import Function
from tests.unit.account import APPROVED, make_ledger

MEGABYTE = 1_000_000

pytestmark = pytest.mark.stack
needs_the_emulator = pytest.mark.skipif(
    lambda_runtime.emulator() is None, reason="Lambda's runtime interface emulator is not at hand for this machine"
)


def digest(folder: Path) -> str:
    """A digest of all files of a folder, by name and content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = (f"{path.relative_to(folder)}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def test_the_layer_holds_what_functions_import_and_no_more(layer: Path) -> None:
    """Lambda brings boto3 along; a second one in the layer would shadow it and cost a second of every cold start."""
    held = {path.name for path in layer.iterdir() if not path.name.endswith(".dist-info")}

    assert {"kms_perimeter", "aws_lambda_powertools", "jmespath"} <= held
    assert not held & {"boto3", "botocore", "aws_xray_sdk", "pydantic", "python", "bin", "tests"}
    assert not (layer / "kms_perimeter" / "cli").exists()
    assert sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) < 12 * MEGABYTE


def test_the_layer_holds_nothing_that_is_compiled_for_a_processor(layer: Path) -> None:
    """Pure Python runs on arm64 whatever machine has built it."""
    assert list(layer.rglob("*.so")) == []


def test_the_same_sources_make_the_same_layer(layer: Path, tmp_path: Path) -> None:
    """A layer that is built again is not deployed again."""
    again = build(REPOSITORY / "template.yaml", into=tmp_path / "again" / "build").parent

    assert digest(again / "KmsPerimeterLayer" / "python") == digest(layer)


def test_the_byte_code_is_the_runtimes_own(layer: Path, template: dict[str, Any]) -> None:
    """Byte code of another Python would be of no use, and one that is checked by time would be thrown away."""
    runtime = template["Globals"]["Function"]["Runtime"]
    at_hand = shutil.which(runtime) and subprocess.run([runtime, "-c", ""], capture_output=True, check=False)
    if not at_hand or at_hand.returncode:
        pytest.skip(f"{runtime} is not at hand, so the layer is built without byte code")
    tag = runtime.replace("python3.", "cpython-3")
    compiled = list(layer.rglob("*.pyc"))

    assert (layer / "kms_perimeter" / "__pycache__" / f"guard.{tag}.pyc") in compiled
    assert {path.suffixes[0] for path in compiled if path.is_relative_to(layer / "kms_perimeter")} == {f".{tag}"}
    # Flags of a .pyc: 0b01, so a hash instead of a time, and not checked against the source.
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\x00\x00\x00"}


def test_the_engine_needs_nothing_but_the_standard_library(layer: Path, tmp_path: Path) -> None:
    """The engine can be lifted out as it is."""
    (tmp_path / "kms_perimeter").symlink_to(layer / "kms_perimeter")
    asked = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import kms_perimeter.verdict, kms_perimeter.remedy"

    done = subprocess.run([shutil.which("python3") or "", "-I", "-S", "-c", asked], capture_output=True, check=False)

    assert done.stderr == b""


@dataclass
class Deployed:
    """The parts of the stack that the functions talk to, on the embedded AWS, without the stack's own functions."""

    aws: EmbeddedAws
    changes: str
    orders: str
    inbox: str
    environ: dict[str, str]

    def key(self) -> str:
        """Makes a key with the default policy."""
        return str(self.aws.client("kms").create_key()["KeyMetadata"]["Arn"])

    def taken(self, queue: str) -> list[dict[str, Any]]:
        """Takes what is in a queue."""
        sqs = self.aws.client("sqs")
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def alerts(self) -> list[str]:
        """The kinds of the alerts since this was last asked."""
        return [json.loads(body["Message"])["data"]["kind"] for body in self.taken(self.inbox)]


@pytest.fixture(scope="module")
def slack() -> Iterator[Webhook]:
    """Slack's end of the wire."""
    with Webhook() as webhook:
        yield webhook


@pytest.fixture(scope="module")
def deployed(slack: Webhook) -> Iterator[Deployed]:
    """A ledger, queues, a topic and a secret, and the environment that names them."""
    with EmbeddedAws() as aws:
        sqs, sns = aws.client("sqs"), aws.client("sns")
        make_ledger(aws.client("dynamodb"))
        changes, inbox = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("changes", "inbox"))
        orders = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        secret = aws.client("secretsmanager").create_secret(Name="slack", SecretString=slack.url + "\n")["ARN"]
        settings = {
            "APPROVED_VPC_ENDPOINTS": APPROVED,
            "APPROVED_VPCS": "",
            "PERIMETER_FILE": "",
            "MODE": "enforce",
            "CONTESTED_AFTER": "3",
            "CONTESTED_WINDOW_MINUTES": "60",
            "GUARDED_ACCOUNT": aws.account,
            "GUARD_ROLE_ARN": f"arn:aws:iam::{aws.account}:role/guard",
            "CHANGES_QUEUE_URL": changes,
            "REMEDIATIONS_QUEUE_URL": orders,
            "ALERTS_TOPIC_ARN": topic,
            "LEDGER_TABLE": "ledger",
            "SLACK_WEBHOOK_SECRET_ARN": secret,
            "SLACK_SIGNING_SECRET_ARN": "",
            "SLACK_APPROVERS": "",
            "SLACK_TEAM_ID": "",
            "SLACK_ORIGIN": "https://hooks.slack.com",
            "ANSWERS_QUEUE_URL": "",
            "POWERTOOLS_SERVICE_NAME": "kms-perimeter",
            "POWERTOOLS_METRICS_NAMESPACE": "KmsPerimeter",
        }
        Settings.from_environ(settings)
        yield Deployed(aws, changes, orders, inbox, {**aws.environ(), **settings})


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda's runtime brings along."""
    return lambda_runtime.brought_along(tmp_path_factory.mktemp("lambda") / "runtime")


def function(name: str, layer: Path, runtime: Path, deployed: Deployed, home: Path) -> Function:
    """A built function with its layer, under Lambda's runtime interface emulator."""
    return Function(REPOSITORY / "functions" / name, [layer, runtime], deployed.environ, home)


def a_batch(*bodies: object) -> dict[str, Any]:
    """An event of SQS for Lambda."""
    records = [
        {
            "messageId": f"message-{number}",
            "body": body if isinstance(body, str) else json.dumps(body),
            "attributes": {"MessageGroupId": "group"},
            "eventSource": "aws:sqs",
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": records}


@needs_the_emulator
def test_a_swept_open_key_is_told_and_fixed(deployed: Deployed, layer: Path, runtime: Path, tmp_path: Path) -> None:
    """on_sweep, on_key_change and on_remediation hand a key on from one to the next, by the messages that they send."""
    arn = deployed.key()

    with function("on_sweep", layer, runtime, deployed, tmp_path) as on_sweep:
        assert on_sweep({}) == {"messages": 1}
    (swept,) = deployed.taken(deployed.changes)

    with function("on_key_change", layer, runtime, deployed, tmp_path) as on_key_change:
        assert on_key_change(a_batch(swept)) == {"batchItemFailures": []}
        assert on_key_change(a_batch(swept)) == {"batchItemFailures": []}
    assert deployed.alerts() == ["remediate"]
    (order,) = deployed.taken(deployed.orders)

    with function("on_remediation", layer, runtime, deployed, tmp_path) as on_remediation:
        assert on_remediation(a_batch(order)) == {"batchItemFailures": []}
    assert deployed.alerts() == ["remediated"]
    policy = deployed.aws.client("kms").get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
    assert APPROVED in policy


@needs_the_emulator
def test_only_the_bad_message_of_a_batch_comes_again(
    deployed: Deployed, layer: Path, runtime: Path, tmp_path: Path
) -> None:
    """What is not ours is ignored by name, and what cannot be worked on does not keep the others."""
    foreign = {"source": "aws.s3", "detail": {"eventSource": "s3.amazonaws.com"}}
    broken = {"sweep": {"id": "sweep-1", "started_at": "yesterday", "keys": [deployed.key()]}}

    with function("on_key_change", layer, runtime, deployed, tmp_path) as on_key_change:
        answer = on_key_change(a_batch(foreign, broken, "not JSON"))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    log = (tmp_path / "on_key_change.log").read_text()
    assert '"message":"not-kms"' in log
    assert '"message":"not-an-event"' in log
    assert "the message must come again" in log


@needs_the_emulator
def test_an_alert_is_posted_to_slack(
    deployed: Deployed, slack: Webhook, layer: Path, runtime: Path, tmp_path: Path
) -> None:
    """What Slack is too busy for comes again; what it refuses does not; the webhook's URL is in no log."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "HIGH"}}]
    record = {"Sns": {"MessageId": "1", "Message": json.dumps({"text": "HIGH", "blocks": blocks, "data": {}})}}
    refused = {
        "Sns": {
            "MessageId": "2",
            "Message": json.dumps({"text": "HIGH", "blocks": [{"type": "no such block"}], "data": {}}),
        }
    }

    with function("on_alert", layer, runtime, deployed, tmp_path) as on_alert:
        slack.limit_rate(1)
        assert on_alert({"Records": [record]})["errorType"] == "SlackIsBusy"
        assert on_alert({"Records": [record]}) is None
        assert on_alert({"Records": [refused]}) is None

    assert slack.messages[-1]["blocks"] == blocks
    log = (tmp_path / "on_alert.log").read_text()
    assert "Slack refuses an alert" in log
    assert slack.url not in log


@needs_the_emulator
def test_a_deployment_that_forgets_a_variable_says_which(
    deployed: Deployed, layer: Path, runtime: Path, tmp_path: Path
) -> None:
    """The message is retried and in the end kept; the log names the variable."""
    environ = {name: value for name, value in deployed.environ.items() if name != "LEDGER_TABLE"}

    with Function(REPOSITORY / "functions" / "on_key_change", [layer, runtime], environ, tmp_path) as on_key_change:
        answer = on_key_change(a_batch({}))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert "the environment variable `LEDGER_TABLE` is not set" in (tmp_path / "on_key_change.log").read_text()
