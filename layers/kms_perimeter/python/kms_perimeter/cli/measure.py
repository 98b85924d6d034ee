"""What the keys of a Region are judged by: what a deployment of the service goes by, or what a person gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter import perimeter
from kms_perimeter.aws import parameters
from kms_perimeter.aws.deployment import Deployment
from kms_perimeter.aws.ledger import Ledger
from kms_perimeter.errors import MalformedPerimeter
from kms_perimeter.perimeter import Mode

if TYPE_CHECKING:
    from kms_perimeter.aws.profile import Profile
    from kms_perimeter.perimeter import PerimeterFile


@dataclass(frozen=True, slots=True)
class Measure:
    """What keys are judged by, and what the service may do about it.

    Attributes:
        perimeters: the perimeter file.
        most: the most that the service may do; without a deployment, whatever the perimeters say.
        guard_role: ARN of the role that changes policies, or None where remediation is not deployed.
        ledger: what is known of the keys, or None without a deployment.
    """

    perimeters: PerimeterFile
    most: Mode = Mode.ENFORCE
    guard_role: str | None = None
    ledger: Ledger | None = None


def of_stack(profile: Profile, region: str, name: str) -> Measure:
    """What the deployment of that name goes by.

    Raises:
        NoDeployment: there is none in the Region.
        MalformedPerimeter: its perimeter file is not one.
    """
    found = Deployment.find(profile.session, name, region)
    return Measure(
        perimeters=found.perimeters(profile.ssm(region)),
        most=found.mode,
        guard_role=found.outputs.get("GuardRoleArn"),
        ledger=Ledger(profile.dynamodb(region), found.output("LedgerTable")),
    )


def in_parameter(profile: Profile, region: str, name: str) -> PerimeterFile:
    """The perimeter file in a parameter of Parameter Store.

    Raises:
        MalformedPerimeter: it is none.
    """
    text = parameters.read(profile.ssm(region), name)
    try:
        return perimeter.load(text)
    except MalformedPerimeter as fault:
        raise MalformedPerimeter(f"parameter `{name}`: {fault}") from None
