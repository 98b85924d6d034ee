"""The service in one process: its handlers as Lambda loads them, moto for AWS, and what Lambda does between them.

`World.run` plays Lambda's pollers: it takes messages from the queues, calls the handlers, deletes what they have
worked on, and lets the rest come again six minutes later, as the queues' visibility timeout says. Time is a toy
(time-machine), so that the six minutes cost nothing; claims and windows of the ledger see it pass.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import time_machine
from moto import mock_aws

from kms_perimeter import perimeter, verdict
from kms_perimeter.aws import clients
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.ledger import Kind, Ledger
from kms_perimeter.sweep import sweep_batches
from kms_perimeter.verdict import Outcome
from local.slack import Webhook
from tests.faults import memory
from tests.faults.injection import Injector, ProcessKilledError
from tests.faults.surroundings import (
    FUNCTIONS,
    PERIMETERS,
    VISIBILITY,
    Context,
    Resources,
    client,
    environment,
    handler,
    make_key,
    sessions,
)
from tests.faults.witness import Witness
from tests.unit.account import OPEN, OURS, REGION
from tests.unit.clicks import signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ASYNCHRONOUS_TRIES = 3  # Lambda: "By default, Lambda retries an asynchronous invocation twice"
CALL = timedelta(milliseconds=30)
START = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
ALERT = "95df01b4-ee98-5cb9-9903-4c221d41eb5e"
BAD_GATEWAY = 502


@dataclass
class World:
    """The service and what it works on.

    Attributes:
        injector: strikes the calls of the service; calls that the test itself makes are never struck.
        slack: the webhook.
        subscribers: the functions that SNS calls with each alert.
        key: ARN of a key that somebody has opened.
        witness: looks at the key at every call.
        log: what went wrong in the handlers, as Lambda's log would have it.
        told: the alerts that the topic has delivered.
        meanwhile: what happens right before a call of the service, by how many calls were sent before it.
        session: what somebody at a terminal reaches the world by.
    """

    injector: Injector
    slack: Webhook
    time: Any
    resources: Resources
    subscribers: tuple[str, ...]
    key: str
    witness: Witness
    log: list[str] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    meanwhile: dict[int, Callable[[], object]] = field(default_factory=dict)
    session: Any = None

    @classmethod
    @contextmanager
    def open(
        cls, settings: Mapping[str, str] | None = None, subscribers: tuple[str, ...] = ("on_alert",)
    ) -> Iterator[Self]:
        """A fresh world with an open key, whose event waits in the changes queue; `settings` are variables."""
        with ExitStack() as stack:
            time = stack.enter_context(time_machine.travel(START, tick=False))
            stack.enter_context(mock_aws())
            slack = stack.enter_context(Webhook())
            resources, key, injector = Resources.make(slack), make_key(), Injector()
            applies = perimeter.load(PERIMETERS).perimeters[0]
            witness = Witness(Keys(client("kms")).describe(key).key, applies, [OPEN])
            world = cls(injector, slack, time, resources, subscribers, key, witness)
            world._watch()
            world.send(world.event())
            stack.enter_context(environment(resources.environ() | dict(settings or {})))
            stack.enter_context(sessions(injector))
            yield world

    # ---- what the test does -----------------------------------------------------------------------------------

    def aws(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """A client that no fault strikes."""
        return client(service)

    def event(self, name: str = "event-1", policy: str = OPEN, actor: str = "Pipeline") -> str:
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
                    "requestParameters": {"keyId": self.key, "policyName": "default", "policy": policy},
                    "resources": [{"ARN": self.key, "accountId": OURS, "type": "AWS::KMS::Key"}],
                },
            }
        )

    def put(self, policy: str, name: str, actor: str = "Pipeline") -> str:
        """Somebody puts a policy on the key; returns the event, which is not delivered yet."""
        self.witness.people.append(policy)
        self.aws("kms").put_key_policy(KeyId=self.key, PolicyName="default", Policy=policy)
        self.witness.look("after", "somebody's put")
        return self.event(name, policy, actor)

    def send(self, body: str, queue: str = "changes") -> None:
        """Puts a message into a queue."""
        self.aws("sqs").send_message(QueueUrl=self.resources.queues[queue], MessageBody=body)

    def work_on(self, body: str, function: str = "on_key_change") -> None:
        """A second instance of a function works on a message right now, whatever else is going on."""
        attributes = {"ApproximateReceiveCount": "1"}
        message = {"MessageId": "m-2", "ReceiptHandle": "r-2", "Body": body, "Attributes": attributes}
        self._call(function, {"Records": [_record(message)]}, instance=2)

    def work_off(self, queue: str) -> None:
        """A second instance of a queue's function works on all that is in it right now."""
        while self.poll(queue, instance=2):
            pass

    def take(self, queue: str) -> list[dict[str, Any]]:
        """Takes all messages that are visible in a queue, and deletes them there."""
        sqs, url, taken = self.aws("sqs"), self.resources.queues[queue], []
        while memory.visible(url):
            told = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
            taken += told.get("Messages", [])
            for message in told.get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def press(self, payload: dict[str, Any]) -> int:
        """Somebody presses a button in Slack; returns the status that Slack gets, which it shows if it is none of 2xx.

        What goes wrong in the function is Lambda's to answer: "502 Bad Gateway".
        """
        answers: list[dict[str, Any]] = []
        request = signed(payload, at=datetime.now(UTC))
        self._call("on_slack", request, answers=answers)
        return int(answers[0]["statusCode"]) if answers else BAD_GATEWAY

    def sweep(self) -> None:
        """The sweep puts the key into the changes queue."""
        for batch in sweep_batches(f"sweep-{datetime.now(UTC):%H%M%S}", datetime.now(UTC), [self.key]):
            self.send(json.dumps(batch))

    def redrive(self) -> int:
        """Puts the dead letters back, as an operator does once the cause is mended; returns how many there were."""
        self.time.shift(timedelta(hours=1))  # by then somebody has seen the alarm
        sqs, moved = self.aws("sqs"), 0
        for name in FUNCTIONS:
            for message in self.take(f"{name}-dead"):
                group = message.get("Attributes", {}).get("MessageGroupId")
                fifo = {"MessageGroupId": group, "MessageDeduplicationId": f"redrive-{moved}"} if group else {}
                sqs.send_message(QueueUrl=self.resources.queues[name], MessageBody=message["Body"], **fifo)
                moved += 1
        for message in self.take("failed-dead"):
            self._invoke(**json.loads(message["Body"]))
            moved += 1
        return moved

    def run(self) -> None:
        """Works until nothing waits that may be worked on, dead letters apart."""
        for _ in range(40):
            busy = sum(self.poll(queue) for queue in FUNCTIONS) > 0
            busy |= self._deliver_alerts() | self._deliver_events()
            if not busy and not self._waits():
                return
            if not busy:
                self.time.shift(VISIBILITY + timedelta(seconds=1))
        raise AssertionError(f"no end in sight: {self.log}")

    # ---- what the test looks at -------------------------------------------------------------------------------

    @property
    def policy(self) -> str:
        """The key's policy as it is."""
        return memory.policy_of(self.key)

    @property
    def ledger(self) -> Ledger:
        """The ledger, read past all faults."""
        return Ledger(self.aws("dynamodb"), "ledger")

    @property
    def enclosed(self) -> bool:
        """Whether the live policy is proved to be enclosed."""
        return verdict.judge(self.policy, self.witness.key, self.witness.perimeter).outcome is Outcome.ENCLOSED

    @property
    def kinds(self) -> list[str]:
        """The kinds of the alerts that were told."""
        return [alert["data"]["kind"] for alert in self.told]

    @property
    def dead(self) -> int:
        """How many messages were given up and wait for a person."""
        return sum(memory.waiting(self.resources.queues[f"{name}-dead"]) for name in (*FUNCTIONS, "failed"))

    def is_fixed(self) -> bool:
        """Whether the key is enclosed, and the ledger knows it and how that came."""
        settled = self.ledger.state(self.key).settled
        recorded = {entry.kind for entry in self.ledger.entries(self.key)}
        known = settled is not None and settled.outcome == Outcome.ENCLOSED
        return self.enclosed and known and {Kind.PLANNED, Kind.REMEDIATED} <= recorded

    # ---- how it is done ---------------------------------------------------------------------------------------

    def _watch(self) -> None:
        self.witness.look("at", "the start")
        self.injector.meanwhile = self._pass_time
        self.injector.looks = self.witness.look
        self.injector.caller = lambda: self.witness.function
        self.injector.recover = lambda: self.time.shift(timedelta(seconds=2.1))

    def _pass_time(self, sent: int) -> None:
        """A call takes its time, and others do not wait for it."""
        self.time.shift(CALL)
        self.meanwhile.pop(sent, lambda: None)()

    def poll(self, queue: str, instance: int = 1, most: int = 10) -> bool:
        """One batch, as Lambda's poller takes it; false if there is nothing to take."""
        url, most = self.resources.queues[queue], 1 if queue in ("sweeps", "answers") else most
        if not memory.visible(url):
            return False
        told = self.aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=most, AttributeNames=["All"])
        taken = told.get("Messages", [])  # none where all are dead letters by now, or their group is being worked on
        if not taken:
            return False
        failed = self._call(FUNCTIONS[queue], {"Records": [_record(message) for message in taken]}, instance)
        for message in taken:
            if failed is not None and message["MessageId"] not in failed:
                self._delete(url, message)
        return True

    def _delete(self, url: str, message: dict[str, Any]) -> None:
        """Faults strike the poller too."""
        try:
            clients.sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        except (Exception, ProcessKilledError) as failure:  # noqa: BLE001 - Lambda's poller goes on
            self.log.append(f"the poller: {type(failure).__name__}: {failure}")

    def _call(
        self,
        function: str,
        event: dict[str, Any],
        instance: int = 1,
        answers: list[dict[str, Any]] | None = None,
    ) -> set[str] | None:
        """The messages that must come again, or None where the whole call failed; `answers` gets what is answered."""
        witness, outer = self.witness, self.witness.function
        witness.function = function
        self.injector.run_begins(function)
        failed: set[str] | None = None
        try:
            answer = handler(function, instance).handle(event, Context()) or {}
        except (Exception, ProcessKilledError) as failure:  # noqa: BLE001 - Lambda takes whatever comes
            self.log.append(f"{function}: {type(failure).__name__}: {failure}")
            return None
        else:
            failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures", ())}
        finally:
            self.injector.run_ends(function, failed=failed is None or bool(failed))
            witness.look("after", function)
            witness.look_back()
            witness.function = outer
            assert witness.wrong == [], witness.wrong
        if answers is not None:
            answers.append(answer)
        if failed:
            self.log.append(f"{function}: {len(failed)} must come again")
        return failed

    def _deliver_alerts(self) -> bool:
        """SNS calls each function that subscribes with each message."""
        messages = self.take("inbox")
        for message in messages:
            published = message["Body"]
            self.told.append(json.loads(published))
            sns = {"Message": published, "MessageId": ALERT, "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"}
            for function in self.subscribers:
                self._invoke(function, {"Records": [{"Sns": sns}]})
        return bool(messages)

    def _deliver_events(self) -> bool:
        """EventBridge calls the function that reports with each event about the end of a sweep."""
        events = self.take("ended") if "ended" in self.resources.queues else []
        for event in events:
            self._invoke("on_report", json.loads(event["Body"]))
        return bool(events)

    def _invoke(self, function: str, event: dict[str, Any]) -> None:
        """Lambda calls the function asynchronously, thrice at most, and then leaves the event in a queue."""
        for _ in range(ASYNCHRONOUS_TRIES):
            if self._call(function, event) is not None:
                return
            self.time.shift(timedelta(minutes=2))
        self.send(json.dumps({"function": function, "event": event}), "failed-dead")

    def _waits(self) -> bool:
        return any(memory.waiting(self.resources.queues[name]) for name in (*FUNCTIONS, "inbox"))


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
