"""Is the deployment at work: its rule, its queues, its sweep, its mode?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kms_perimeter.cli.examination.sign import green, red, yellow
from kms_perimeter.evidence import BY_CAUTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

    from kms_perimeter.aws.deployment import Deployment
    from kms_perimeter.aws.stack import Resource
    from kms_perimeter.cli.examination.sign import Sign
    from kms_perimeter.perimeter import Perimeter, PerimeterFile

NAMESPACE, HEARTBEAT = "KmsPerimeter", "Sweeps"
A_DAY = timedelta(days=1)  # a sweep is at least that often; the alarm SweepsHaveStopped goes by the same


@dataclass(frozen=True, slots=True)
class Service:
    """A deployment and what it is made of.

    Attributes:
        deployment: the deployment.
        resources: its resources by logical ID.
        now: the time, in UTC.
    """

    deployment: Deployment
    resources: Mapping[str, Resource]
    now: datetime

    def of_type(self, kind: str) -> dict[str, Resource]:
        """The resources of a type."""
        return {name: one for name, one in self.resources.items() if one.type == kind}


def rules(service: Service, client: EventBridgeClient) -> Iterator[Sign]:
    """Is each rule enabled, and does it lead anywhere? Takes ``events:DescribeRule``, ``events:ListTargetsByRule``."""
    found = service.of_type("AWS::Events::Rule")
    if not found:
        yield red("rule", "the stack has no EventBridge rule, so no event reaches it", "deploy the stack again")
    for name, resource in found.items():
        bus, _, rule = resource.id.rpartition("|")  # of a rule on another bus than the default one
        rule = rule.rsplit("/", 1)[-1]
        told = f"rule `{name}` (`{rule}`)"
        state = client.describe_rule(Name=rule, EventBusName=bus or "default").get("State")
        if state == "DISABLED":
            yield red(
                "rule", f"{told} is disabled: no event reaches the service", f"aws events enable-rule --name {rule}"
            )
        elif not client.list_targets_by_rule(Rule=rule, EventBusName=bus or "default")["Targets"]:
            yield red("rule", f"{told} has no target: its events go nowhere", "deploy the stack again")
        else:
            yield green("rule", f"{told} is enabled")


def dead_letters(service: Service, client: SQSClient) -> Iterator[Sign]:
    """Was anything given up? Takes ``sqs:GetQueueAttributes``."""
    outputs = service.deployment.outputs
    queues = {
        name: url for name, url in outputs.items() if name.endswith("DeadLettersUrl") or name == "FailedInvocationsUrl"
    }
    for name, url in queues.items():
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        queue = name.removesuffix("Url")
        if count:
            told = f"{count} message{'s' if count > 1 else ''} in {queue}: work that was given up"
            yield red("dead letters", told, "`kms-perimeter redrive` tells why; with --send it sends them back to work")
        else:
            yield green("dead letters", f"none in {queue}")


def heartbeat(service: Service, client: CloudWatchClient) -> Sign:
    """Has a sweep run within a day? Takes ``cloudwatch:GetMetricStatistics``."""
    stack = service.deployment.stack
    answer = client.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=HEARTBEAT,
        Dimensions=[{"Name": "service", "Value": stack}],
        StartTime=service.now - A_DAY,
        EndTime=service.now,
        Period=int(A_DAY.total_seconds()),
        Statistics=["Sum"],
    )
    count = int(sum(point.get("Sum", 0) for point in answer["Datapoints"]))
    if count:
        return green("sweep", f"{count} within the last day")
    todo = (
        f"aws lambda invoke --function-name {service.deployment.outputs.get('OnSweepFunction', 'OnSweep')} /dev/stdout"
    )
    newest = max((one.updated for one in service.resources.values()), default=None)
    if newest and service.now - newest < A_DAY:
        return yellow("sweep", "none yet; the stack was deployed or changed within the last day", todo)
    return red("sweep", "none within the last day, so a key whose event was lost may be open", todo)


def modes(file: PerimeterFile, deployment: Deployment) -> Iterator[Sign]:
    """Does the deployment do what the perimeters ask for?"""
    for perimeter in file.perimeters:
        if _exceeds(perimeter, deployment):
            wanted, done = perimeter.mode.value, deployment.mode.value
            told = f"perimeter `{perimeter.name}` asks for {wanted}, the deployment does {done} at most"
            todo = f"deploy with Mode={wanted}, or write mode: {done} in the perimeter file"
            yield yellow("mode", told, todo)
        else:
            yield green("mode", f"perimeter `{perimeter.name}`: {perimeter.mode.value}")


def exceptions(file: PerimeterFile, now: datetime) -> Iterator[Sign]:
    """Has an exception of the file expired, or is it about to?"""
    for exception in file.exceptions:
        left = (exception.expires - now.date()).days
        told = f"{exception.owner} answers for {exception.key} until {exception.expires}"
        if left < 0:
            yield yellow(
                "exceptions", f"{told}: expired, so the key is judged like any other", "take it out, or renew it"
            )
        else:
            yield green("exceptions", told)


def _exceeds(perimeter: Perimeter, deployment: Deployment) -> bool:
    return BY_CAUTION.index(perimeter.mode) > BY_CAUTION.index(deployment.mode)
