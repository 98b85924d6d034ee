"""What IAM asks about each AWS call: the action, the resource, the condition keys.

From the Service Authorization Reference, "Actions, resources, and condition keys" of each service. A call that is not
here fails the tests with its name, so that nobody grants anything without looking it up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.deployment.stack import queue_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Parameters = Mapping[str, Any]

ANYWHERE = "*"


@dataclass(frozen=True)
class Need:
    """A permission that somebody needs.

    Attributes:
        action: such as ``kms:PutKeyPolicy``.
        resource: an ARN, or ``*`` for an action that knows no resource.
        context: condition keys of the service.
        why: the call, or what Lambda needs it for.
    """

    action: str
    resource: str
    why: str = field(compare=False)
    context: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Place:
    """The account and the Region of a call."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource here."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def needs_of(call: Mapping[str, Any], place: Place) -> list[Need]:
    """What a recorded call needs.

    Raises:
        LookupError: nobody has looked the call up yet.
    """
    name, parameters = f"{call['service']}:{call['operation']}", call["parameters"]
    if name == "dynamodb:TransactWriteItems":
        return [_of_transaction(item, place) for item in parameters["TransactItems"]]
    if name not in CALLS:
        raise LookupError(f"`{name}` is not in tests/deployment/iam_actions.py: look up what IAM asks about it")
    action, resources = CALLS[name]
    context = tuple(sorted(CONTEXTS[name](parameters).items())) if name in CONTEXTS else ()
    return [Need(action, resource, name, context) for resource in resources(parameters, place)]


def _of_transaction(item: Parameters, place: Place) -> Need:
    (kind, write), *_ = item.items()
    action = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
    table = place.arn("dynamodb", f"table/{write['TableName']}")
    return Need(f"dynamodb:{action[kind]}", table, "dynamodb:TransactWriteItems")


def _anywhere(_: Parameters, __: Place) -> list[str]:
    return [ANYWHERE]


def _by_another_role(_: Parameters, __: Place) -> list[str]:
    return []


def _key(parameters: Parameters, _: Place) -> list[str]:
    return [parameters["KeyId"]]


def _table(parameters: Parameters, place: Place) -> list[str]:
    table = place.arn("dynamodb", f"table/{parameters['TableName']}")
    return [f"{table}/index/{parameters['IndexName']}" if "IndexName" in parameters else table]


def _tables(parameters: Parameters, place: Place) -> list[str]:
    return [place.arn("dynamodb", f"table/{name}") for name in parameters["RequestItems"]]


def _queue(parameters: Parameters, _: Place) -> list[str]:
    return [queue_arn(parameters["QueueUrl"])]


def _named(parameter: str) -> Callable[[Parameters, Place], list[str]]:
    """A parameter that is an ARN."""
    return lambda parameters, _: [parameters[parameter]]


def _parameter(parameters: Parameters, place: Place) -> list[str]:
    return [place.arn("ssm", f"parameter{parameters['Name']}")]


def _buses(parameters: Parameters, place: Place) -> list[str]:
    named = {entry.get("EventBusName", "default") for entry in parameters["Entries"]}
    return sorted(bus if bus.startswith("arn:") else place.arn("events", f"event-bus/{bus}") for bus in named)


def _object(parameters: Parameters, _: Place) -> list[str]:
    return [f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}"]


def _products(parameters: Parameters, _: Place) -> list[str]:
    return sorted({finding["ProductArn"] for finding in parameters["Findings"]})


CALLS: dict[str, tuple[str, Callable[[Parameters, Place], list[str]]]] = {
    "kms:DescribeKey": ("kms:DescribeKey", _key),
    "kms:GetKeyPolicy": ("kms:GetKeyPolicy", _key),
    "kms:PutKeyPolicy": ("kms:PutKeyPolicy", _key),
    "kms:ListResourceTags": ("kms:ListResourceTags", _key),
    "kms:ListGrants": ("kms:ListGrants", _key),
    "kms:ListAliases": ("kms:ListAliases", _anywhere),
    "kms:ListKeys": ("kms:ListKeys", _anywhere),
    "dynamodb:GetItem": ("dynamodb:GetItem", _table),
    "dynamodb:PutItem": ("dynamodb:PutItem", _table),
    "dynamodb:UpdateItem": ("dynamodb:UpdateItem", _table),
    "dynamodb:DeleteItem": ("dynamodb:DeleteItem", _table),
    "dynamodb:Query": ("dynamodb:Query", _table),
    "dynamodb:Scan": ("dynamodb:Scan", _table),
    "dynamodb:BatchGetItem": ("dynamodb:BatchGetItem", _tables),
    "dynamodb:BatchWriteItem": ("dynamodb:BatchWriteItem", _tables),
    "sts:AssumeRole": ("sts:AssumeRole", _named("RoleArn")),
    # Made by on_fleet_sweep as the role of the account that is swept, docs/examples/fleet-role.yaml.
    "cloudformation:DescribeStacks": ("cloudformation:DescribeStacks", _by_another_role),
    "lambda:Invoke": ("lambda:InvokeFunction", _by_another_role),
    "sqs:SendMessage": ("sqs:SendMessage", _queue),
    "sqs:SendMessageBatch": ("sqs:SendMessage", _queue),
    "sqs:GetQueueAttributes": ("sqs:GetQueueAttributes", _queue),
    "sns:Publish": ("sns:Publish", _named("TopicArn")),
    "s3:PutObject": ("s3:PutObject", _object),
    "ssm:GetParameter": ("ssm:GetParameter", _parameter),
    "secretsmanager:GetSecretValue": ("secretsmanager:GetSecretValue", _named("SecretId")),
    "events:PutEvents": ("events:PutEvents", _buses),
    "cloudwatch:PutMetricData": ("cloudwatch:PutMetricData", _anywhere),
    "securityhub:BatchImportFindings": ("securityhub:BatchImportFindings", _products),
}
"""By the call: the action that IAM checks, and the resources that it checks it on."""

CONTEXTS: dict[str, Callable[[Parameters], dict[str, str]]] = {
    "kms:PutKeyPolicy": lambda p: {
        "kms:BypassPolicyLockoutSafetyCheck": str(p.get("BypassPolicyLockoutSafetyCheck", False)).lower()
    },
    "sns:Publish": lambda _: {},
    "s3:PutObject": lambda p: {"aws:ResourceAccount": p["ExpectedBucketOwner"]},
    "dynamodb:GetItem": lambda p: {"dynamodb:LeadingKeys": p["Key"]["key_arn"]["S"]},
    "dynamodb:PutItem": lambda p: {"dynamodb:LeadingKeys": p["Item"]["key_arn"]["S"]},
    "dynamodb:UpdateItem": lambda p: {"dynamodb:LeadingKeys": p["Key"]["key_arn"]["S"]},
    "cloudwatch:PutMetricData": lambda p: {"cloudwatch:namespace": p["Namespace"]},
    "securityhub:BatchImportFindings": lambda p: {"securityhub:TargetAccount": p["Findings"][0]["AwsAccountId"]},
    "events:PutEvents": lambda p: {
        "events:source": p["Entries"][0]["Source"],
        "events:detail-type": p["Entries"][0]["DetailType"],
    },
}
"""By the call: the condition keys of its service that a policy could ask for."""
