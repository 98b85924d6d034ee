"""The service in one process: its handlers as Lambda loads them, moto for AWS, and what Lambda does between them.

`World.run` plays Lambda's pollers: it takes messages from the queues, calls the handlers, deletes what they have
worked on, and lets the rest come again six minutes later, as the queues' visibility timeout says. Time is a toy
(time-machine), so that the six minutes cost nothing; claims and windows of the ledger see it pass.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import boto3
import botocore.session
import time_machine
from moto import mock_aws

from kms_perimeter import assembly, perimeter, verdict
from kms_perimeter.aws import clients
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.ledger import Kind, Ledger
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.sweep import sweep_batches
from kms_perimeter.verdict import Outcome
from local.slack import Webhook
from tests.faults.injection import Injector, ProcessKilledError
from tests.unit.account import APPROVED, OPEN, OURS, REGION, make_ledger
from tests.unit.test_settings import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

ROOT = Path(__file__).parents[2]
VISIBILITY = timedelta(minutes=6, seconds=1)
MOST_RECEIVES = 5
ASYNCHRONOUS_TRIES = 3  # Lambda: "By default, Lambda retries an asynchronous invocation twice"
_MODELS = botocore.session.Session().get_component("data_loader")
CALL = timedelta(milliseconds=30)
START = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

PERIMETERS = json.dumps(
    {
        "version": 1,
        "perimeters": [
            {
                "name": "production",
                "applies_to": {"tags": {"Environment": "production"}, "aliases": ["alias/prod-*"]},
                "rules": [{"name": "use", "operations": ["cryptographic"], "vpc_endpoints": [APPROVED]}],
                "mode": "enforce",
            }
        ],
    }
)


@dataclass
class _Context:
    """What Lambda tells a function about its call."""

    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{OURS}:function:function"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class World:
    """The service and what it works on.

    Attributes:
        injector: strikes the calls of the service; calls that the test itself makes are never struck.
        slack: the webhook.
        key: ARN of a key that somebody has opened.
        old: its policy.
        log: what went wrong in the handlers, as Lambda's log would have it.
        undeleted: how many deletes of Lambda's pollers are lost.
        put_by_people: every policy that somebody else than the guard has put, the first one first.
        meanwhile: what happens right before a call of the service, by how many calls were sent before it.
    """

    injector: Injector
    slack: Webhook
    time: Any
    key: str = ""
    old: str = OPEN
    log: list[str] = field(default_factory=list)
    undeleted: int = 0
    inputs: dict[str, str] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)
    put_by_people: list[str] = field(default_factory=lambda: [OPEN])
    meanwhile: dict[int, Callable[[], object]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def open(cls, **settings: str) -> Iterator[Self]:
        """A fresh world with an open key, whose event waits in the changes queue; `settings` are variables."""
        with ExitStack() as stack:
            time = stack.enter_context(time_machine.travel(START, tick=False))
            stack.enter_context(mock_aws())
            slack = stack.enter_context(Webhook())
            world = cls(Injector(), slack, time)
            world.injector.meanwhile = world._pass_time
            world.injector.recover = lambda: time.shift(timedelta(seconds=2.1))
            stack.enter_context(_environment(world._build() | settings))
            stack.enter_context(_sessions(world.injector))
            yield world

    # ---- what the test does -----------------------------------------------------------------------------------

    def aws(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """A client that no fault strikes."""
        return _client(service)

    def event(self, name: str = "event-1", policy: str | None = None, actor: str = "Pipeline") -> str:
        """A CloudTrail event for the key, as it lies in the changes queue."""
        now = datetime.now(UTC)
        return json.dumps(
            {
                "source": "aws.kms",
                "detail-type": "AWS API Call via CloudTrail",
                "region": REGION,
                "detail": {
                    "eventVersion": "1.11",
                    "eventID": name,
                    "eventName": "PutKeyPolicy",
                    "eventSource": "kms.amazonaws.com",
                    "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
                    "awsRegion": REGION,
                    "recipientAccountId": OURS,
                    "sourceIPAddress": "203.0.113.7",
                    "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{OURS}:user/{actor}", "accountId": OURS},
                    "requestParameters": {"keyId": self.key, "policyName": "default", "policy": policy or self.old},
                    "resources": [{"ARN": self.key, "accountId": OURS, "type": "AWS::KMS::Key"}],
                },
            }
        )

    def put(self, policy: str, name: str, actor: str = "Pipeline") -> str:
        """Somebody puts a policy on the key; returns the event, which is not delivered yet."""
        self.aws("kms").put_key_policy(KeyId=self.key, PolicyName="default", Policy=policy)
        self.put_by_people.append(policy)
        return self.event(name, policy, actor)

    def send(self, body: str) -> None:
        """Puts a message into the changes queue."""
        self.aws("sqs").send_message(QueueUrl=self.inputs["changes"], MessageBody=body)

    def work_on(self, body: str) -> None:
        """A second instance of `on_key_change` works on a message right now, whatever else is going on."""
        attributes = {"ApproximateReceiveCount": "1"}
        message = {"MessageId": "m-2", "ReceiptHandle": "r-2", "Body": body, "Attributes": attributes}
        self._call("on_key_change", {"Records": [_record(message)]}, instance=2)

    def take(self, queue: str, *, delete: bool = True) -> list[dict[str, Any]]:
        """Takes all messages that are visible in a queue; those that are not deleted are visible again."""
        sqs, url, taken = self.aws("sqs"), self.inputs.get(queue, self.inputs.get(f"{queue}-dead", "")), []
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get(
            "Messages"
        ):
            taken += batch
            for message in batch if delete else ():
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        for message in () if delete else taken:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        return taken

    def sweep(self) -> None:
        """The sweep puts the key into the changes queue."""
        for batch in sweep_batches(f"sweep-{datetime.now(UTC):%H%M%S}", datetime.now(UTC), [self.key]):
            self.send(json.dumps(batch))

    def redrive(self) -> int:
        """Puts the dead letters back, as an operator does once the cause is mended; returns how many there were."""
        self.time.shift(timedelta(hours=1))  # by then somebody has seen the alarm
        sqs, moved = self.aws("sqs"), 0
        for name in ("changes", "remediations", "digest"):
            for message in self.take(f"{name}-dead", delete=True):
                group = message.get("Attributes", {}).get("MessageGroupId")
                fifo = {"MessageGroupId": group, "MessageDeduplicationId": f"redrive-{moved}"} if group else {}
                sqs.send_message(QueueUrl=self.inputs[name], MessageBody=message["Body"], **fifo)
                moved += 1
        for message in self.take("failed-dead", delete=True):
            self._alert(json.loads(message["Body"]))
            moved += 1
        return moved

    def run(self) -> None:
        """Works until nothing waits that may be worked on, dead letters apart."""
        for _ in range(40):
            busy = self._poll("changes", "on_key_change")
            busy |= self._poll("remediations", "on_remediation")
            busy |= self._poll("digest", "on_digest")
            busy |= self._deliver_alerts()
            if not busy and not self._waiting():
                return
            if not busy:
                self.time.shift(VISIBILITY)
        raise AssertionError(f"no end in sight: {self.log}")

    # ---- what the test looks at -------------------------------------------------------------------------------

    @property
    def policy(self) -> str:
        """The key's policy as it is."""
        return str(self.aws("kms").get_key_policy(KeyId=self.key, PolicyName="default")["Policy"])

    @property
    def ledger(self) -> Ledger:
        """The ledger, read past all faults."""
        return Ledger(self.aws("dynamodb"), "ledger")

    @property
    def enclosed(self) -> bool:
        """Whether the live policy is proved to be enclosed."""
        kms = Keys(self.aws("kms"))
        applies = perimeter.load(PERIMETERS).perimeters[0]
        return verdict.judge(self.policy, kms.describe(self.key).key, applies).outcome is Outcome.ENCLOSED

    @property
    def dead(self) -> int:
        """How many messages were given up and wait for a person."""
        return sum(len(self.take(f"{n}-dead", delete=False)) for n in ("changes", "remediations", "digest", "failed"))

    def is_safe(self) -> bool:
        """Whether the live policy is one that people have put, or a proved one whose predecessor is in the ledger."""
        live, people = fingerprint(self.policy), {fingerprint(policy) for policy in self.put_by_people}
        if live in people:
            return True
        saved = [entry.facts for entry in self.ledger.entries(self.key) if entry.kind is Kind.PLANNED]
        planned = {fingerprint(facts["before"]) for facts in saved if fingerprint(facts["after"]) == live}
        return self.enclosed and bool(planned & people)

    def is_healed(self) -> bool:
        """Whether all is as if nothing had gone wrong: enclosed, told, recorded, settled."""
        settled = self.ledger.state(self.key).settled
        kinds = {alert["data"]["kind"] for alert in self.told}
        recorded = {entry.kind for entry in self.ledger.entries(self.key)}
        return (
            self.enclosed
            and settled is not None
            and settled.outcome == Outcome.ENCLOSED
            and "remediated" in kinds
            and {Kind.PLANNED, Kind.REMEDIATED} <= recorded
            and len(self.slack.messages) > 0
        )

    # ---- how it is done ---------------------------------------------------------------------------------------

    def _pass_time(self, sent: int) -> None:
        """A call takes its time, and others do not wait for it."""
        self.time.shift(CALL)
        self.meanwhile.pop(sent, lambda: None)()

    def _build(self) -> dict[str, str]:
        sqs, kms = self.aws("sqs"), self.aws("kms")
        for name, fifo in (("changes", ""), ("remediations", ".fifo"), ("digest", ""), ("failed", "")):
            self._queue(sqs, name, fifo)
        self.inputs["inbox"] = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        topic = self.aws("sns").create_topic(Name="alerts")["TopicArn"]
        arn = sqs.get_queue_attributes(QueueUrl=self.inputs["inbox"], AttributeNames=["QueueArn"])["Attributes"]
        self.aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
        make_ledger(self.aws("dynamodb"))
        self.aws("ssm").put_parameter(Name="/kms-perimeter/perimeter", Value=PERIMETERS, Type="String")
        secret = self.aws("secretsmanager").create_secret(Name="slack", SecretString=self.slack.url)["ARN"]
        tags = [{"TagKey": "Environment", "TagValue": "production"}]
        self.key = kms.create_key(Policy=OPEN, Tags=tags)["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName="alias/prod-orders", TargetKeyId=self.key)
        self.send(self.event())
        return _settings(self.inputs, topic, secret)

    def _queue(self, sqs: Any, name: str, fifo: str) -> None:  # noqa: ANN401 - a client
        more = {"FifoQueue": "true"} if fifo else {}
        dead = sqs.create_queue(QueueName=f"{name}-dead{fifo}", Attributes=more)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MOST_RECEIVES})
        seconds = str(int(VISIBILITY.total_seconds()) - 1)
        attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": seconds, **more}
        self.inputs[f"{name}-dead"] = dead
        self.inputs[name] = sqs.create_queue(QueueName=f"{name}{fifo}", Attributes=attributes)["QueueUrl"]

    def _poll(self, queue: str, function: str) -> bool:
        """One batch, as Lambda's poller takes it."""
        sqs = self.aws("sqs")
        url, most = self.inputs[queue], 10
        taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, AttributeNames=["All"]).get("Messages", [])
        if not taken:
            return False
        failed = self._call(function, {"Records": [_record(message) for message in taken]})
        for message in taken:
            if failed is not None and message["MessageId"] not in failed:
                if self.undeleted:
                    self.undeleted -= 1
                    continue
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _call(self, function: str, event: dict[str, Any], instance: int = 1) -> set[str] | None:
        """The messages that must come again, or None where the whole call failed."""
        try:
            answer = handler(function, instance).handle(event, _Context()) or {}
        except (Exception, ProcessKilledError) as failure:  # noqa: BLE001 - Lambda takes whatever comes
            self.log.append(f"{function}: {type(failure).__name__}: {failure}")
            return None
        finally:
            assert self.is_safe(), "a policy that is neither the old one nor a proved one"
        failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures", ())}
        if failed:
            self.log.append(f"{function}: {len(failed)} must come again")
        return failed

    def _deliver_alerts(self) -> bool:
        """SNS calls `on_alert` asynchronously with each message, thrice at most, and then leaves it in the queue."""
        messages = self.take("inbox", delete=True)
        for message in messages:
            published = json.loads(message["Body"])
            self.told.append(json.loads(published["Message"]))
            self._alert({"Records": [{"Sns": {"Message": published["Message"]}}]})
        return bool(messages)

    def _alert(self, event: dict[str, Any]) -> None:
        event["Records"][0]["Sns"].setdefault("MessageId", "95df01b4-ee98-5cb9-9903-4c221d41eb5e")
        for _ in range(ASYNCHRONOUS_TRIES):
            if self._call("on_alert", event) is not None:
                return
            self.time.shift(timedelta(minutes=2))
        self.aws("sqs").send_message(QueueUrl=self.inputs["failed-dead"], MessageBody=json.dumps(event))

    def _waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        asked = (
            self.aws("sqs").get_queue_attributes(QueueUrl=self.inputs[name], AttributeNames=names)["Attributes"]
            for name in ("changes", "remediations", "digest", "inbox")
        )
        return sum(int(count) for counts in asked for count in counts.values())


def handler(function: str, instance: int = 1) -> ModuleType:
    """A function's handler, loaded once for each instance, as Lambda loads it."""
    name = f"faults_{function}_{instance}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "functions" / function / "handler.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{OURS}:queue",
        "awsRegion": REGION,
    }


def _settings(inputs: dict[str, str], topic: str, secret: str) -> dict[str, str]:
    """The environment of every function, as template.yaml sets it."""
    return COMPLETE | {
        "APPROVED_VPC_ENDPOINTS": "",
        "APPROVED_VPCS": "",
        "PERIMETER_FILE": "/kms-perimeter/perimeter",
        "MODE": "enforce",
        "CONTESTED_AFTER": "3",
        "CONTESTED_WINDOW_MINUTES": "60",
        "GUARDED_ACCOUNT": OURS,
        "GUARD_ROLE_ARN": f"arn:aws:iam::{OURS}:role/guard",
        "CHANGES_QUEUE_URL": inputs["changes"],
        "REMEDIATIONS_QUEUE_URL": inputs["remediations"],
        "DIGEST_QUEUE_URL": inputs["digest"],
        "MOST_ALERTS": "20",
        "ALERTS_TOPIC_ARN": topic,
        "LEDGER_TABLE": "ledger",
        "SLACK_WEBHOOK_SECRET_ARN": secret,
        "POWERTOOLS_SERVICE_NAME": "kms-perimeter",
        "POWERTOOLS_METRICS_NAMESPACE": "KmsPerimeter",
        "AWS_DEFAULT_REGION": REGION,
    }


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@cache
def _client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    session: Any = boto3.session.Session(botocore_session=_session(), region_name=REGION)
    return session.client(service)


def _session() -> botocore.session.Session:
    """A session of its own, which need not read the services' models again."""
    session = botocore.session.Session()
    session.register_component("data_loader", _MODELS)
    return session


@contextmanager
def _sessions(injector: Injector) -> Iterator[None]:
    """A default session whose clients the injector stands in front of, and nothing left of an earlier world's."""
    caches = [v for module in (clients, assembly) for v in vars(module).values() if hasattr(v, "cache_clear")]
    for cached in caches:
        cached.cache_clear()
    session = _session()
    injector.install(session)
    boto3.setup_default_session(botocore_session=session)
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = None
        for cached in caches:
            cached.cache_clear()
