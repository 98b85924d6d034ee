"""A deployment of this service, found by the outputs and parameters of its CloudFormation stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kms_perimeter import perimeter
from kms_perimeter.aws import parameters
from kms_perimeter.aws.clients import PATIENCE
from kms_perimeter.errors import NoDeployment
from kms_perimeter.perimeter import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3 import Session
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_ssm import SSMClient

    from kms_perimeter.perimeter import PerimeterFile

STACK = "kms-perimeter"
"""The name that samconfig.toml gives the stack."""
INSTANCE = "StackSet-"
"""How the names of the stacks begin that a stack set makes."""
DENIED = ("AccessDenied", "AccessDeniedException")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack of this service.

    Attributes:
        stack: its name.
        partition: the partition, account and Region that it is in: ``aws`` and so on.
        account: likewise.
        region: likewise.
        outputs: the stack's outputs by name.
        parameters: the stack's parameters by name.
    """

    stack: str
    partition: str
    account: str
    region: str
    outputs: Mapping[str, str] = field(hash=False)
    parameters: Mapping[str, str] = field(hash=False)

    @classmethod
    def find(
        cls, session: Session, stack: str = STACK, region: str | None = None, *, of_set: bool | None = None
    ) -> Deployment:
        """The deployment of this name in the session's account and Region. Takes ``cloudformation:DescribeStacks``.

        Args:
            session: whose account.
            stack: the name.
            region: where to look, if not in the session's Region.
            of_set: whether the one that a stack set has put there will do where none has this name. If nothing is said:
                only if nobody has asked for another name than the usual one.

        Raises:
            NoDeployment: there is no such stack, or several could be meant, or it is none of this service.
        """
        client = session.client("cloudformation", region_name=region, config=PATIENCE)
        told = _named(client, stack)
        if told is None and (stack == STACK if of_set is None else of_set):
            told = _of_set(client)
        if told is None:
            raise NoDeployment(f"there is no stack `{stack}` in {region or session.region_name}")
        _, partition, _, region, account, _ = told["StackId"].split(":", 5)
        outputs = _outputs(told)
        if "LedgerTable" not in outputs:
            raise NoDeployment(f"the stack `{stack}` is no deployment of KMS Perimeter: it has no output `LedgerTable`")
        given = {one["ParameterKey"]: one.get("ParameterValue", "") for one in told.get("Parameters", [])}
        return cls(told["StackName"], partition, account, region, outputs, given)

    def output(self, name: str) -> str:
        """An output that the deployment must have.

        Raises:
            NoDeployment: it has none of this name, as without remediation or without Slack.
        """
        if name not in self.outputs:
            raise NoDeployment(f"the stack `{self.stack}` is deployed without `{name}` (its mode is {self.mode.value})")
        return self.outputs[name]

    @property
    def mode(self) -> Mode:
        """The most that the service may do."""
        return Mode(self.parameters.get("Mode", Mode.ALERT.value))

    def key_arn(self, key_id: str) -> str:
        """The ARN of the key of this ID in the deployment's account and Region."""
        return f"arn:{self.partition}:kms:{self.region}:{self.account}:key/{key_id}"

    def perimeters(self, ssm: SSMClient) -> PerimeterFile:
        """The perimeters that the service goes by now. Takes ``ssm:GetParameter`` where there is a perimeter file.

        Raises:
            MalformedPerimeter: the file is wrong.
        """
        if name := self.parameters.get("PerimeterFile"):
            return perimeter.load(parameters.read(ssm, name).text)
        return perimeter.simple(self._listed("ApprovedVpcEndpoints"), self._listed("ApprovedVpcs"), self.mode)

    def _listed(self, name: str) -> tuple[str, ...]:
        words = self.parameters.get(name, "").split(",")
        return tuple(part for word in words if (part := word.strip()))


def _named(client: CloudFormationClient, stack: str) -> StackTypeDef | None:
    """The stack of this name, or None."""
    try:
        return client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        # CloudFormation has no error code of its own for this: ValidationError, "Stack with id … does not exist".
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None


def _of_set(client: CloudFormationClient) -> StackTypeDef | None:
    """The deployment that a stack set has put into this account and Region, or None where it cannot be looked for.

    Raises:
        NoDeployment: there are several.
    """
    try:
        pages = client.get_paginator("describe_stacks").paginate()
        found = [told for page in pages for told in page["Stacks"] if _is_instance(told)]
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return None
    if len(found) > 1:
        names = ", ".join(f"`{told['StackName']}`" for told in found)
        raise NoDeployment(f"several stack sets have put a deployment here, so say which is meant: {names}")
    return found[0] if found else None


def _is_instance(told: StackTypeDef) -> bool:
    """Whether it is a deployment by a stack set: CloudFormation names those itself, ``StackSet-NAME-UUID``."""
    return told["StackName"].startswith(INSTANCE) and "LedgerTable" in _outputs(told)


def _outputs(told: StackTypeDef) -> dict[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in told.get("Outputs", [])}
