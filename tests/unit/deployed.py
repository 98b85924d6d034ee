"""A deployment in memory, as far as the command line can find it: a stack with the service's outputs and parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3

from tests.unit.account import APPROVED, REGION, Account

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAMETERS = {"Mode": "approve", "ApprovedVpcEndpoints": APPROVED, "ApprovedVpcs": "", "PerimeterFile": ""}


def deploy(account: Account, stack: str = "kms-perimeter", **parameters: str) -> str:
    """Makes the stack and returns the URL of its changes queue; parameters are those of template.yaml."""
    changes = str(account.sqs.create_queue(QueueName="changes")["QueueUrl"])
    outputs = {"LedgerTable": "ledger", "ChangesQueueUrl": changes, "RemediationsQueueUrl": account.orders}
    if parameters.get("Mode") == "alert":
        del outputs["RemediationsQueueUrl"]
    make_stack(stack, outputs, PARAMETERS | parameters)
    return changes


def make_stack(
    name: str,
    outputs: Mapping[str, str],
    parameters: Mapping[str, str],
    client: Any = None,  # noqa: ANN401 - boto3 makes its classes at run time
) -> None:
    """Makes a stack that has these outputs and nothing that matters besides; by a client, if there is one already."""
    template = {
        "Parameters": {each: {"Type": "String"} for each in parameters},
        "Resources": {"Something": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {each: {"Value": value} for each, value in outputs.items()},
    }
    (client or boto3.client("cloudformation", REGION)).create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
