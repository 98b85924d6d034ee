"""A guarded account in memory: real boto3 clients on moto, and the guard put together from the real adapters.

What moto cannot do is added by botocore's own event hooks: a client can be made to refuse a call, and the calls that
reach AWS are counted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from kms_perimeter import perimeter
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.ledger import Asks, Ledger
from kms_perimeter.aws.queues import Queue
from kms_perimeter.aws.topic import Topic
from kms_perimeter.cloudtrail import KeyChange
from kms_perimeter.evidence import Guard
from kms_perimeter.outlet import Outlet
from kms_perimeter.perimeter import Mode, PerimeterFile
from kms_perimeter.settings import Settings, SweepDigest

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "us-east-1"
OURS = "123456789012"  # moto's account
AT_ONCE = Config(retries={"total_max_attempts": 1})  # a refused call is refused, without minutes of trying again
STRANGER = "999988887777"
APPROVED = "vpce-1234abcdf5678c90a"
NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

OPEN = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Enable IAM policies",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{OURS}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
)
"""The default key policy: whoever an IAM policy allows it may use the key, from anywhere."""


def closed(endpoint: str = APPROVED) -> str:
    """The default key policy with a statement that denies all use that does not come through the endpoint."""
    document = json.loads(OPEN)
    document["Statement"].append(
        {
            "Sid": "OnlyThroughTheEndpoint",
            "Effect": "Deny",
            "Principal": "*",
            "NotAction": ADMINISTRATION,
            "Resource": "*",
            "Condition": {
                "StringNotEquals": {"aws:SourceVpce": endpoint},
                "BoolIfExists": {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false"},
            },
        }
    )
    return json.dumps(document)


ADMINISTRATION = [f"kms:{verb}*" for verb in ("Create", "Put", "Get", "List", "Describe", "Tag", "Schedule", "Enable")]

SETTINGS = Settings(
    approved_vpc_endpoints=(APPROVED,),
    approved_vpcs=(),
    perimeter_file=None,
    mode=Mode.ENFORCE,
    contested_after=3,
    contested_window=timedelta(hours=1),
    guarded_account=OURS,
    guard_role_arn=f"arn:aws:iam::{OURS}:role/guard",
    guard_vpc_id=None,
    guard_vpc_endpoint_id=None,
    changes_queue_url="",
    remediations_queue_url=None,
    digest_queue_url="",
    most_alerts=20,
    alerts_topic_arn="",
    ledger_table="ledger",
    slack_webhook_secret_arn=None,
    slack_signing_secret_arn=None,
    slack_approvers=(),
    slack_team_id=None,
    slack_origin="https://hooks.slack.com",
    answers_queue_url=None,
    sweeps_queue_url="",
    sweep_quota_share=20,
    sweep_workers=10,
    security_hub=False,
    docs_url="",
    reports_bucket=None,
    sweep_digest=SweepDigest.NEWS,
)


@dataclass
class Clock:
    """A clock that only moves when it is told to."""

    time: datetime = NOON

    def now(self) -> datetime:
        """The time."""
        return self.time

    def pause(self, seconds: float) -> None:
        """Lets the time pass."""
        self.time += timedelta(seconds=seconds)


@dataclass
class Account:
    """A guarded account.

    Attributes:
        guard: the guard, in mode `enforce`.
        clock: its clock.
        calls: the operations that its clients have called, in order.
    """

    kms: Any
    sqs: Any
    dynamodb: Any
    sns: Any
    guard: Guard
    clock: Clock
    inbox: str
    orders: str
    waiting: str
    calls: list[str] = field(default_factory=list)

    @classmethod
    def make(cls) -> Account:
        """A fresh account; inside `moto.mock_aws`."""
        clients: list[Any] = [boto3.client(name, REGION, config=AT_ONCE) for name in ("kms", "sqs", "dynamodb", "sns")]
        kms, sqs, dynamodb, sns = clients
        make_ledger(dynamodb)
        inbox = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        waiting = sqs.create_queue(QueueName="waiting")["QueueUrl"]
        orders = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        clock, ledger = Clock(), Ledger(dynamodb, "ledger")
        guard = Guard(
            settings=SETTINGS,
            perimeters=perimeter.simple((APPROVED,), (), Mode.ENFORCE),
            keys=Keys(kms),
            ledger=ledger,
            asks=Asks(dynamodb, "ledger"),
            alerts=Outlet(Topic(sns, topic), Queue(sqs, waiting), ledger, SETTINGS.most_alerts, clock.now),
            remediations=Queue(sqs, orders),
            now=clock.now,
            pause=clock.pause,
        )
        account = cls(kms, sqs, dynamodb, sns, guard, clock, inbox, orders, waiting)
        for client in (kms, dynamodb, sns, sqs):
            client.meta.events.register("before-call", account._count)
        return account

    def _count(self, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore makes its models at run time
        self.calls.append(model.name)

    def key(self, policy: str = OPEN, **parameters: Any) -> str:  # noqa: ANN401 - parameters of CreateKey
        """Makes a key and returns its ARN; not counted."""
        arn = str(self.kms.create_key(Policy=policy, **parameters)["KeyMetadata"]["Arn"])
        self.calls.clear()
        return arn

    def put(self, key_arn: str, policy: str) -> None:
        """Somebody changes the key's policy; not counted."""
        self.kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=policy)
        self.calls.clear()

    def policy(self, key_arn: str) -> str:
        """The key's policy as it is."""
        return str(self.kms.get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"])

    def in_mode(self, mode: Mode, **changes: Any) -> Guard:  # noqa: ANN401 - fields of Guard
        """The guard in another mode."""
        settings = replace(self.guard.settings, mode=mode)
        return replace(self.guard, settings=settings, perimeters=perimeter.simple((APPROVED,), (), mode), **changes)

    def under(self, perimeters: PerimeterFile) -> Guard:
        """The guard with a perimeter file."""
        return replace(self.guard, perimeters=perimeters)

    def told(self) -> list[dict[str, Any]]:
        """The alerts since this was last asked, as the programs that subscribe get them."""
        return [json.loads(json.loads(body)["Message"])["data"] for body in self._take(self.inbox)]

    def kinds(self) -> list[str]:
        """The kinds of the alerts since this was last asked."""
        return [alert["kind"] for alert in self.told()]

    def noticed(self) -> list[dict[str, Any]]:
        """The notices that have come to wait for the digest since this was last asked."""
        return [json.loads(body) for body in self._take(self.waiting)]

    def ordered(self) -> list[dict[str, Any]]:
        """The remediations that were ordered since this was last asked."""
        return [json.loads(body) for body in self._take(self.orders)]

    def _take(self, queue: str) -> Iterator[str]:
        while messages := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                yield message["Body"]
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def a_change(key_arn: str, event: str = "event-1", policy: str | None = None, **changes: Any) -> KeyChange:  # noqa: ANN401
    """A `PutKeyPolicy` by a pipeline at noon; changes are fields of `KeyChange`."""
    _, _, _, region, account, _ = key_arn.split(":", 5)
    change = KeyChange(
        event_id=event,
        event_name="PutKeyPolicy",
        time=NOON,
        key_arn=key_arn,
        account=account,
        region=region,
        actor=f"arn:aws:sts::{OURS}:assumed-role/Pipeline/run",
        source_ip="203.0.113.7",
        policy=policy,
    )
    return replace(change, **changes)


SUMMARY = ["at", "cause", "kind", "actor", "outcome", "perimeter", "reason", "policy_hash"]
"""What template.yaml's index by day holds of an entry."""


def make_ledger(dynamodb: Any) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
    """Makes the ledger's table as template.yaml does, without what no test here looks at."""
    dynamodb.create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("key_arn", "entry", "day")],
        KeySchema=[
            {"AttributeName": "key_arn", "KeyType": "HASH"},
            {"AttributeName": "entry", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-day",
                "KeySchema": [
                    {"AttributeName": "day", "KeyType": "HASH"},
                    {"AttributeName": "entry", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": SUMMARY},
            }
        ],
    )


def refuse(client: Any, operation: str, code: str, *, times: int = 1) -> None:  # noqa: ANN401
    """Makes AWS refuse the next calls of an operation, with one of its error codes; they change nothing."""
    left = iter(range(times))
    error = {"Error": {"Code": code, "Message": f"{operation} is refused"}, "ResponseMetadata": {"HTTPStatusCode": 400}}

    def answer(**_: object) -> tuple[AWSResponse, dict[str, Any]] | None:
        if next(left, None) is None:
            return None
        return AWSResponse("", 400, HTTPHeaders(), BytesIO()), error

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_last(f"before-call.{service}.{operation}", answer)
