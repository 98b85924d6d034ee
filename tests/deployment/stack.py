"""The stack as deployed, with every feature on, and its functions taken out of the embedded AWS's hands.

The embedded AWS runs functions on its own interpreter, which has everything. Here each runs as built, under Lambda's
own runtime emulator, with the environment that the deployment gave it and as a session of its own role. Between the
queues, the topics and the functions stands the test, in place of Lambda's pollers.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cfnlint.decode import decode  # type: ignore[import-untyped]

from tests.deployment.lambda_runtime import Function

if TYPE_CHECKING:
    from pathlib import Path

    from local.embedded import EmbeddedAws
    from local.slack import Webhook
    from tests.deployment.hub import Hub

STACK = "kms-perimeter"
DELIVERED_WITHIN = 0.4  # seconds that the embedded AWS needs at the most from a call to the event in the queue


@dataclass(frozen=True)
class Code:
    """What a function is made of.

    Attributes:
        folders: each function's own folder, by its logical ID.
        placed: the functions that run in a VPC where the deployment asks for it.
        path: the layer's and the runtime's folders.
        home: for logs and notes.
    """

    folders: dict[str, Path]
    placed: tuple[str, ...]
    path: list[Path]
    home: Path


def functions_of(built: Path) -> dict[str, dict[str, Any]]:
    """The properties of each function, as `sam deploy` takes it, by the function's logical ID."""
    template, _ = decode(str(built / "template.yaml"))
    found = {name: r["Properties"] for name, r in template["Resources"].items() if r["Type"].endswith("::Function")}
    return {name: {**p, "CodeUri": (built / p["CodeUri"]).resolve()} for name, p in found.items()}


@dataclass
class Stack:
    """The stack, and its functions under Lambda's runtime.

    Attributes:
        aws: the embedded AWS that it is on.
        code: what its functions are made of.
        slack: gets what the functions post.
        hub: gets the findings for Security Hub, which the embedded AWS lacks.
        named: physical IDs by logical ones.
        inbox: URL of a queue that is subscribed to the alerts.
    """

    aws: EmbeddedAws
    code: Code
    slack: Webhook
    hub: Hub
    named: dict[str, str]
    inbox: str
    _running: ExitStack = field(default_factory=ExitStack)
    _started: dict[str, Function] = field(default_factory=dict)

    @classmethod
    def take(cls, aws: EmbeddedAws, code: Code, slack: Webhook, hub: Hub) -> Stack:
        """Takes over a stack that was deployed."""
        described = aws.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        named = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in described}
        functions = aws.client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        sns = aws.client("sns")
        for subscription in sns.list_subscriptions()["Subscriptions"]:
            if subscription["Protocol"] == "lambda":
                sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        aws.client("events").remove_targets(Rule=named["OnReportSweepHasEnded"], Ids=["OnReport"])
        inbox = aws.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
        sns.subscribe(TopicArn=named["AlertsTopic"], Protocol="sqs", Endpoint=queue_arn(inbox))
        return cls(aws, code, slack, hub, named, inbox)

    def close(self) -> None:
        """Ends the functions."""
        self._running.close()

    def configuration(self, name: str) -> dict[str, Any]:
        """A function as Lambda knows it."""
        told: dict[str, Any] = self.aws.client("lambda").get_function_configuration(FunctionName=self.named[name])
        return told

    def network(self, name: str) -> list[str]:
        """The subnets and security groups that a function runs in; the embedded AWS forgets them.

        Each as in its ARN, such as ``subnet/subnet-0a1b2c3d``.
        """
        if name not in self.code.placed:
            return []
        (told,) = self.aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        given = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in told["Parameters"]}
        subnets, groups = (given[key].split(",") for key in ("SubnetIds", "SecurityGroupIds"))
        return [*(f"subnet/{subnet}" for subnet in subnets), *(f"security-group/{group}" for group in groups)]

    def function(self, name: str, *, seconds: int | None = None, **environ: str) -> Function:
        """A fresh execution environment of a function, as a session of its role; to be used in a `with` block."""
        told = self.configuration(name)
        session = self.aws.client("sts").assume_role(RoleArn=told["Role"], RoleSessionName=told["FunctionName"])
        identity = {
            "AWS_ACCESS_KEY_ID": session["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["Credentials"]["SessionToken"],
            "AWS_LAMBDA_FUNCTION_NAME": told["FunctionName"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(told["MemorySize"]),
            "AWS_ENDPOINT_URL_SECURITYHUB": self.hub.url,
        }
        environ = {**self.aws.environ(), **told["Environment"]["Variables"], **identity, **environ}
        seconds = seconds or told["Timeout"]
        return Function(self.code.folders[name], self.code.path, environ, self.code.home, seconds=seconds)

    def invoke(self, name: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the function answers
        """Invokes a function, in the execution environment that was started for its first event."""
        if name not in self._started:
            self._started[name] = self._running.enter_context(self.function(name))
        return self._started[name](event)

    def calls(self, name: str) -> list[dict[str, Any]] | None:
        """The AWS calls that a function has made until now, in order; None for one that was never started."""
        return self._started[name].calls() if name in self._started else None

    def log(self, name: str) -> str:
        """What a function has logged until now."""
        return (self.code.home / f"{self.code.folders[name].name}.log").read_text()

    def check_perimeter_file(self, text: str) -> str:
        """Has CloudFormation ask on_deployment about a perimeter file; gives what is put where it wants the answer."""
        s3, place = self.aws.client("s3"), {"Bucket": "cloudformation", "Key": "answer"}
        s3.create_bucket(Bucket=place["Bucket"])
        asked = {
            "RequestType": "Create",
            "ResponseURL": s3.generate_presigned_url("put_object", place),
            "StackId": "stack",
            "RequestId": "1",
            "LogicalResourceId": "It",
        }
        self.invoke("OnDeployment", {**asked, "ResourceProperties": {"Text": text}})
        return str(s3.get_object(**place)["Body"].read().decode())

    def take_messages(self, url: str, *, wait: int = 0) -> list[dict[str, Any]]:
        """Messages of a queue, hidden from others until they are deleted."""
        names = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        got = self.aws.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, **names
        )
        messages: list[dict[str, Any]] = got.get("Messages", [])
        return messages

    def drop(self, url: str, message: dict[str, Any]) -> None:
        """Deletes a message that was taken."""
        self.aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def feed(self, name: str, queue: str, *, wait: int = 0) -> int:
        """Does for a function what Lambda's poller does once; returns how many messages were worked off.

        Raises:
            AssertionError: the function reports a message that must come again.
        """
        url = self.named[queue]
        messages = self.take_messages(url, wait=wait)
        if not messages:
            return 0
        answer = self.invoke(name, {"Records": [sqs_record(message, url) for message in messages]})
        failed = [problem for problem in ("batchItemFailures", "errorType") if (answer or {}).get(problem)]
        assert not failed, self.log(name)[-4000:]
        for message in messages:
            self.drop(url, message)
        return len(messages)

    def run(self) -> None:
        """Lets the changes and the remediations be worked off, until there have been none for a while."""
        quiet_since = time.monotonic()
        while time.monotonic() < quiet_since + DELIVERED_WITHIN:
            if self.feed("OnKeyChange", "ChangesQueue") + self.feed("OnRemediation", "RemediationsQueue"):
                quiet_since = time.monotonic()
            time.sleep(0.05)

    def storm_comes(self) -> None:
        """In these five minutes and the next there have been as many alerts as people would read."""
        now = datetime.now(UTC).timestamp()
        for begins in (now // 300 * 300, now // 300 * 300 + 300):
            window = datetime.fromtimestamp(begins, UTC).isoformat(timespec="milliseconds")
            place = {"key_arn": {"S": "alerts"}, "entry": {"S": f"window/{window}"}}
            item = {**place, "alerts": {"N": "1000"}}
            self.aws.client("dynamodb").put_item(TableName=self.named["Ledger"], Item=item)

    def storm_passes(self) -> None:
        """Five minutes pass, after which alerts are told one by one again."""
        dynamodb, table = self.aws.client("dynamodb"), self.named["Ledger"]
        of_alerts = {"KeyConditionExpression": "key_arn = :k", "ExpressionAttributeValues": {":k": {"S": "alerts"}}}
        for window in dynamodb.query(TableName=table, **of_alerts)["Items"]:
            dynamodb.delete_item(TableName=table, Key={name: window[name] for name in ("key_arn", "entry")})

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts since this was last asked, each in the envelope of SNS."""
        envelopes = []
        while messages := self.take_messages(self.inbox):
            for message in messages:
                self.drop(self.inbox, message)
                envelopes.append(json.loads(message["Body"]))
        return envelopes

    def kinds(self) -> list[str]:
        """The kinds of the alerts since this was last asked."""
        return [json.loads(envelope["Message"])["data"]["kind"] for envelope in self.alerts()]

    def entries(self, key_arn: str) -> list[dict[str, Any]]:
        """What the ledger has about a key, in DynamoDB's own form."""
        items: list[dict[str, Any]] = self.aws.client("dynamodb").scan(TableName=self.named["Ledger"])["Items"]
        return [item for item in items if item["key_arn"]["S"] == key_arn]

    def make_key(self, **parameters: Any) -> str:  # noqa: ANN401 - parameters of CreateKey
        """Somebody makes a key, with the default policy unless told otherwise."""
        return str(self.aws.client("kms").create_key(**parameters)["KeyMetadata"]["Arn"])

    def policy(self, key_arn: str) -> str:
        """The key's policy as it is."""
        return str(self.aws.client("kms").get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"])


def queue_arn(url: str) -> str:
    """The ARN of a queue, by its URL."""
    account, name = url.rsplit("/", 2)[1:]
    return f"arn:aws:sqs:us-east-1:{account}:{name}"


def sqs_record(message: dict[str, Any], url: str) -> dict[str, Any]:
    """A message as Lambda's poller hands it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(url),
        "awsRegion": "us-east-1",
    }


def sns_event(envelope: dict[str, Any]) -> dict[str, Any]:
    """An alert as SNS hands it to a function; its message is the same for queues and functions."""
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": envelope}]}
