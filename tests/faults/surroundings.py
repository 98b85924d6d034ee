"""What surrounds the functions: the resources that template.yaml makes, the environment, the clients' session."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config

from kms_perimeter import assembly
from kms_perimeter.aws import clients
from tests.faults.injection import Front, Injector
from tests.unit.account import APPROVED, OPEN, OURS, REGION, make_ledger
from tests.unit.clicks import ALICE, BOB, SECRET, TEAM
from tests.unit.test_settings import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from local.slack import Webhook

ROOT = Path(__file__).parents[2]
VISIBILITY = timedelta(minutes=6)
"""But for answers, which Slack takes a reply to for half an hour only."""
VISIBILITY_OF_ANSWERS = timedelta(minutes=3)
MOST_RECEIVES = 5
PARAMETER = "/kms-perimeter/perimeter"
FUNCTIONS = {
    "changes": "on_key_change",
    "remediations": "on_remediation",
    "digest": "on_digest",
    "sweeps": "on_sweep",
    "answers": "on_answer",
}
"""By the queue: the function that it feeds."""

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
class Context:
    """What Lambda tells a function about its call."""

    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{OURS}:function:function"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        """A minute, however much of it has passed."""
        return 60_000


@dataclass
class Resources:
    """What template.yaml makes, as far as the functions work with it.

    Attributes:
        queues: URLs by name; those of dead letters are ``changes-dead`` and so on, ``failed-dead`` has events of
            functions that SNS or EventBridge calls, ``inbox`` gets all alerts.
        topic: ARN of the topic for alerts.
        secret: ARN of the secret with the webhook's URL.
        signing_secret: ARN of the one that Slack signs clicks with.
        slack: where Slack is.
    """

    queues: dict[str, str] = field(default_factory=dict)
    topic: str = ""
    secret: str = ""
    signing_secret: str = ""
    slack: str = ""

    @classmethod
    def make(cls, slack: Webhook) -> Resources:
        """Makes all of it."""
        made = cls(slack=slack.origin)
        for name in (*FUNCTIONS, "failed"):
            made._queue(name, ".fifo" if name == "remediations" else "")
        sqs, sns, secrets = client("sqs"), client("sns"), client("secretsmanager")
        made.queues["inbox"] = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        made.topic = sns.create_topic(Name="alerts")["TopicArn"]
        sns.subscribe(
            TopicArn=made.topic,
            Protocol="sqs",
            Endpoint=arn_of("inbox"),
            Attributes={"RawMessageDelivery": "true"},  # or else moto makes a key to sign each message with
        )
        make_ledger(client("dynamodb"))
        client("ssm").put_parameter(Name=PARAMETER, Value=PERIMETERS, Type="String")
        made.secret = secrets.create_secret(Name="slack", SecretString=slack.url)["ARN"]
        made.signing_secret = secrets.create_secret(Name="slack-signing", SecretString=SECRET)["ARN"]
        return made

    def environ(self) -> dict[str, str]:
        """The environment of every function, as template.yaml sets it."""
        return COMPLETE | {
            "APPROVED_VPC_ENDPOINTS": "",
            "APPROVED_VPCS": "",
            "PERIMETER_FILE": PARAMETER,
            "MODE": "enforce",
            "CONTESTED_AFTER": "3",
            "CONTESTED_WINDOW_MINUTES": "60",
            "GUARDED_ACCOUNT": OURS,
            "GUARD_ROLE_ARN": f"arn:aws:iam::{OURS}:role/guard",
            "CHANGES_QUEUE_URL": self.queues["changes"],
            "REMEDIATIONS_QUEUE_URL": self.queues["remediations"],
            "DIGEST_QUEUE_URL": self.queues["digest"],
            "SWEEPS_QUEUE_URL": self.queues["sweeps"],
            "SWEEP_QUOTA_SHARE": "100",  # with one worker: or else the tests wait for turns by a real clock
            "SWEEP_WORKERS": "1",
            "MOST_ALERTS": "20",
            "ALERTS_TOPIC_ARN": self.topic,
            "LEDGER_TABLE": "ledger",
            "SLACK_WEBHOOK_SECRET_ARN": self.secret,
            "SLACK_SIGNING_SECRET_ARN": self.signing_secret,
            "SLACK_APPROVERS": f"{ALICE},{BOB}",
            "SLACK_TEAM_ID": TEAM,
            "SLACK_ORIGIN": self.slack,
            "ANSWERS_QUEUE_URL": self.queues["answers"],
            "POWERTOOLS_SERVICE_NAME": "kms-perimeter",
            "POWERTOOLS_METRICS_NAMESPACE": "KmsPerimeter",
            "AWS_DEFAULT_REGION": REGION,
        }

    def _queue(self, name: str, fifo: str) -> None:
        sqs, more = client("sqs"), {"FifoQueue": "true"} if fifo else {}
        dead = sqs.create_queue(QueueName=f"{name}-dead{fifo}", Attributes=more)["QueueUrl"]
        redrive = json.dumps({"deadLetterTargetArn": arn_of(f"{name}-dead{fifo}"), "maxReceiveCount": MOST_RECEIVES})
        hidden = VISIBILITY_OF_ANSWERS if name == "answers" else VISIBILITY
        seconds = str(int(hidden.total_seconds()))
        attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": seconds, **more}
        self.queues[f"{name}-dead"] = dead
        self.queues[name] = sqs.create_queue(QueueName=f"{name}{fifo}", Attributes=attributes)["QueueUrl"]


def make_key() -> str:
    """Makes an open key of production; returns its ARN."""
    kms, tags = client("kms"), [{"TagKey": "Environment", "TagValue": "production"}]
    key = str(kms.create_key(Policy=OPEN, Tags=tags)["KeyMetadata"]["Arn"])
    kms.create_alias(AliasName="alias/prod-orders", TargetKeyId=key)
    return key


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


@contextmanager
def environment(settings: dict[str, str]) -> Iterator[None]:
    """These environment variables, for a while."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@cache
def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """A client that no fault strikes."""
    session: Any = boto3.session.Session(botocore_session=botocore.session.Session(), region_name=REGION)
    return session.client(service, config=Config(signature_version=UNSIGNED))


@contextmanager
def sessions(injector: Injector) -> Iterator[None]:
    """A default session whose clients the injector stands in front of, and nothing left of an earlier world's.

    The clients themselves are made once, since to make one takes longer than a dozen calls; but for that of KMS, which
    remembers that it was throttled.
    """
    front, session = _struck()
    front.injector = injector
    boto3.DEFAULT_SESSION = session
    forget(assembly)
    clients.kms.cache_clear()
    try:
        yield
    finally:
        front.injector = Injector()
        boto3.DEFAULT_SESSION = None
        forget(assembly)


@cache
def _struck() -> tuple[Front, boto3.session.Session]:
    """The session of all worlds' clients, and what stands in front of AWS there."""
    front, session = Front(), botocore.session.Session()
    front.install(session)
    forget(clients)  # which other tests may have made
    return front, boto3.session.Session(botocore_session=session)


def forget(module: ModuleType) -> None:
    """Forgets what the functions of a module keep from one call to the next."""
    for cached in vars(module).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


def arn_of(queue: str) -> str:
    """The ARN of a queue."""
    return f"arn:aws:sqs:{REGION}:{OURS}:{queue}"
