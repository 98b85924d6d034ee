"""What Lambda itself does with a function's role, besides what the function does: no test can see these calls here.

Each with the page of AWS's documentation that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.deployment.iam_actions import ANYWHERE, Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deployment.stack import Stack

LOGS = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html"
TRACES = "https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html"
POLLER = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
DESTINATION = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"
IN_A_VPC = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions"


def needs(stack: Stack, name: str) -> list[Need]:
    """What Lambda needs of a function's role, by how the function is deployed."""
    told = stack.configuration(name)
    return [
        *_logs(stack, told),
        *_traces(told),
        *_poller(stack, told),
        *_destination(stack, told),
        *_interfaces(stack, name),
    ]


def _logs(stack: Stack, told: dict[str, Any]) -> Iterator[Need]:
    group = f"arn:aws:logs:{stack.aws.region}:{stack.aws.account}:log-group:{told['LoggingConfig']['LogGroup']}"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield Need(action, f"{group}:log-stream:2026/11/24/[$LATEST]1234abcd", LOGS)


def _traces(told: dict[str, Any]) -> Iterator[Need]:
    if told["TracingConfig"]["Mode"] == "Active":
        yield Need("xray:PutTraceSegments", ANYWHERE, TRACES)
        yield Need("xray:PutTelemetryRecords", ANYWHERE, TRACES)


def _poller(stack: Stack, told: dict[str, Any]) -> Iterator[Need]:
    mappings = stack.aws.client("lambda").list_event_source_mappings(FunctionName=told["FunctionName"])
    for mapping in mappings["EventSourceMappings"]:
        for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
            yield Need(action, mapping["EventSourceArn"], POLLER)


def _destination(stack: Stack, told: dict[str, Any]) -> Iterator[Need]:
    configs = stack.aws.client("lambda").list_function_event_invoke_configs(FunctionName=told["FunctionName"])
    for config in configs["FunctionEventInvokeConfigs"]:
        if arn := config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"):
            yield Need("sqs:SendMessage", arn, DESTINATION)


def _interfaces(stack: Stack, name: str) -> Iterator[Need]:
    """Lambda connects a function to a VPC by the function's own role."""
    network = stack.network(name)
    if not network:
        return
    here = f"arn:aws:ec2:{stack.aws.region}:{stack.aws.account}"
    for action in ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"):
        yield Need(action, ANYWHERE, IN_A_VPC)
    for resource in ("network-interface/eni-0a1b2c3d", *network):
        yield Need("ec2:CreateNetworkInterface", f"{here}:{resource}", IN_A_VPC)
    for action in ("DeleteNetworkInterface", "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"):
        yield Need(f"ec2:{action}", f"{here}:network-interface/eni-0a1b2c3d", IN_A_VPC)
