"""Deploys the service as users do, and holds the ends of all its wires."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from kms_perimeter import perimeter, verdict
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.ledger import Ledger
from kms_perimeter.verdict import Verdict
from local.deploy import STACK, build, deploy
from local.embedded import REPOSITORY, EmbeddedAws
from local.slack import Webhook
from local.slack_click import Click
from local.stage.inbox import Alert, Inbox, Record, listen_to_topic, listen_to_trail
from local.stage.journal import Journal
from local.stage.patience import messages_with, until

ENDPOINT = "vpce-0a1b2c3d4e5f60718"
"""The one VPC endpoint that the deployment approves."""

SIGNING_SECRET = "the signing secret of an app that does not exist"  # noqa: S105 - likewise
APPROVER, TEAM = "U0ALICE", "T0ACME"
"""The one person in Slack who may answer questions, and the workspace that she is of."""

_QUEUES_FOR_FAILURES = (
    "ChangesDeadLettersUrl",
    "RemediationsDeadLettersUrl",
    "DigestDeadLettersUrl",
    "FailedInvocationsUrl",
)


@dataclass(frozen=True)
class Stage:
    """The service, deployed and running.

    Attributes:
        aws: The AWS that it runs on.
        outputs: The outputs of its stack.
        alerts: Gets every alert.
        trail: Gets every CloudTrail record about KMS.
        slack: Gets every message to Slack.
        journal: The functions' logs.
        ledger: The ledger.
        keys: The keys of the account, read as the service reads them.
    """

    aws: EmbeddedAws
    outputs: dict[str, str]
    alerts: Inbox[Alert]
    trail: Inbox[Record]
    slack: Webhook
    journal: Journal
    ledger: Ledger
    keys: Keys

    @property
    def guard(self) -> str:
        """The name of the only role that may change key policies."""
        return self.outputs["GuardRoleArn"].rsplit("/", 1)[-1]

    def question_about(self, key: str, count: int = 1) -> dict[str, Any]:
        """Wait until Slack has been asked `count` questions about a key; give the message with the last of these."""

        def look() -> dict[str, Any] | None:
            asked = [m for m in self.slack.messages if key in m["text"] and m["blocks"][-1]["type"] == "actions"]
            return asked[count - 1] if len(asked) >= count else None

        return until(look, f"question {count} in Slack about {key}", self.journal.tail)

    def click(self, message: dict[str, Any], action: str, **changes: Any) -> Click:  # noqa: ANN401 - JSON
        """A click of the approver's on a button of a message, not sent yet; changes are those of `Click`."""
        pressed = Click(message, action, APPROVER, TEAM, self.slack.reply_url, SIGNING_SECRET)
        return replace(pressed, **changes)

    def press(self, click: Click) -> int:
        """Send a click to the service as Slack does; give the status of its answer."""
        host = self.outputs["SlackRequestUrl"].split("/")[2]
        return click.send(f"{self.aws.endpoint}/_aws/lambda-url/{host.split('.')[0]}/")

    def reply(self, count: int) -> dict[str, Any]:
        """Wait until the service has replied to `count` clicks in all; give the last of these replies."""

        def look() -> dict[str, Any] | None:
            return self.slack.replies[count - 1] if len(self.slack.replies) >= count else None

        return until(look, f"reply {count} in Slack", self.journal.tail)

    def judge(self, key: str) -> Verdict:
        """The verdict on the policy that the key has now, found out here and not by the service."""
        live, rules = self.keys.describe(key).key, perimeter.simple((ENDPOINT,), (), perimeter.Mode.ALERT)
        return verdict.judge(self.keys.policy(key), live, rules.perimeters[0])

    def slack_about(self, key: str, count: int) -> list[str]:
        """Wait until Slack has `count` messages about a key; give all of them."""
        return messages_with(self.slack, key, count, self.journal.tail)

    def sweep(self) -> str:
        """Invoke the sweep out of turn; when it is done, every key is in the queue. Gives the sweep's ID."""
        before = len(self.journal.sweeps())
        self.aws.client("lambda").invoke(FunctionName=self.outputs["OnSweepFunction"], Payload=b"{}")
        return self.wait_for_sweep(before)

    def wait_for_sweep(self, before: int) -> str:
        """Wait until there is one sweep more than there were; gives its ID."""
        return until(lambda: next(iter(self.journal.sweeps()[before:]), None), "the sweep's end", self.journal.tail)

    def send(self, *bodies: str) -> None:
        """Put messages into the changes queue, at most ten at once, as EventBridge and the sweep do."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        self.aws.client("sqs").send_message_batch(QueueUrl=self.outputs["ChangesQueueUrl"], Entries=entries)

    def failures(self) -> list[str]:
        """What went wrong until now: errors in the logs, messages that were given up, posts that Slack refused."""
        sqs, given_up = self.aws.client("sqs"), []
        for name in _QUEUES_FOR_FAILURES:
            if url := self.outputs.get(name):
                told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
                count = int(told["Attributes"]["ApproximateNumberOfMessages"])
                given_up += [f"{count} messages in {name}"] if count else []
        return [*self.journal.failures(), *given_up, *self.slack.refusals]


def _say_nothing(_: str) -> None:
    """For those who do not watch."""


@contextmanager
def deployed(
    mode: str = "enforce", *, tell: Callable[[str], None] = _say_nothing, also: Mapping[str, str] | None = None
) -> Iterator[Stage]:
    """The service on an AWS of its own, built and deployed by the real `sam`, for as long as the block lasts.

    Args:
        mode: The parameter `Mode` of the template; in the mode `approve` questions in Slack have buttons.
        tell: Is told what comes next, for a person who waits.
        also: Further parameters of the template.

    Raises:
        SamFailedError: The build or the deployment failed.
        EmbeddedAwsError: The embedded AWS did not start.
    """
    with Webhook() as slack, EmbeddedAws() as aws:
        secrets = aws.client("secretsmanager")
        secret = secrets.create_secret(Name="slack-webhook", SecretString=slack.url)["ARN"]
        # Many tests share a stage within minutes, and each waits for its own alert.
        parameters = {
            "MostAlerts": "1000",
            "Mode": mode,
            "ApprovedVpcEndpoints": ENDPOINT,
            "SlackWebhookSecretArn": secret,
        }
        if mode == "approve":
            signing = secrets.create_secret(Name="slack-signing-secret", SecretString=SIGNING_SECRET)["ARN"]
            parameters |= {"SlackSigningSecretArn": signing, "SlackApprovers": APPROVER, "SlackTeamId": TEAM}
            parameters |= {"SlackOrigin": slack.origin}
        outputs = _build_and_deploy(aws, {**parameters, **(also or {})}, tell)
        yield _stage(aws, outputs, slack)


def _stage(aws: EmbeddedAws, outputs: dict[str, str], slack: Webhook) -> Stage:
    journal = Journal(aws, STACK)
    return Stage(
        aws=aws,
        outputs=outputs,
        alerts=listen_to_topic(aws, outputs["AlertsTopicArn"], journal.tail),
        trail=listen_to_trail(aws, journal.tail),
        slack=slack,
        journal=journal,
        ledger=Ledger(aws.client("dynamodb"), outputs["LedgerTable"]),
        keys=Keys(aws.client("kms")),
    )


def _build_and_deploy(aws: EmbeddedAws, parameters: dict[str, str], tell: Callable[[str], None]) -> dict[str, str]:
    folder = REPOSITORY / ".aws-sam"
    folder.mkdir(exist_ok=True)
    # One at a time: the demo and the tests share the folder, so that `sam` finds what it has built before.
    with (folder / "in-use").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tell("sam build")
        template = build(REPOSITORY / "template.yaml")
        tell("sam deploy")
        return deploy(aws, template, parameters=parameters)
