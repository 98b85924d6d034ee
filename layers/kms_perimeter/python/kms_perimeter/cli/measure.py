"""What the keys of a Region are judged by: what a deployment of the service goes by, or what a person gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter import perimeter
from kms_perimeter.aws import parameters
from kms_perimeter.aws.deployment import Deployment
from kms_perimeter.aws.ledger import Counts, Ledger
from kms_perimeter.errors import MalformedPerimeter
from kms_perimeter.fleet import HISTORY_DAYS
from kms_perimeter.perimeter import Mode
from kms_perimeter.remedy import Standpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from kms_perimeter.aws.profile import Profile
    from kms_perimeter.fleet import Day
    from kms_perimeter.perimeter import PerimeterFile


@dataclass(frozen=True, slots=True)
class Measure:
    """What keys are judged by, and what the service may do about it.

    Attributes:
        perimeters: the perimeter file.
        most: the most that the service may do; without a deployment, whatever the perimeters say.
        standpoint: who changes policies and from where, or None where remediation is not deployed.
        ledger: what is known of the keys, or None without a deployment.
        counts: how the keys stood after earlier sweeps, likewise.
    """

    perimeters: PerimeterFile
    most: Mode = Mode.ENFORCE
    standpoint: Standpoint | None = None
    ledger: Ledger | None = None
    counts: Counts | None = None

    def history(self, now: datetime) -> tuple[Day, ...]:
        """How the keys stood on the days before that of `now`, oldest first; of none without a deployment."""
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return self.counts.days(today, HISTORY_DAYS) if self.counts else ()


def of_stack(profile: Profile, region: str, name: str) -> Measure:
    """What the deployment of that name goes by.

    Raises:
        NoDeployment: there is none in the Region.
        MalformedPerimeter: its perimeter file is not one.
    """
    found = Deployment.find(profile.session, name, region)
    dynamodb, table = profile.dynamodb(region), found.output("LedgerTable")
    return Measure(
        perimeters=found.perimeters(profile.ssm(region)),
        most=found.mode,
        standpoint=standpoint(found.outputs),
        ledger=Ledger(dynamodb, table),
        counts=Counts(dynamodb, table),
    )


def standpoint(outputs: Mapping[str, str]) -> Standpoint | None:
    """Who changes policies and from where, by a deployment's outputs; None where remediation is not deployed."""
    role = outputs.get("GuardRoleArn")
    return Standpoint(role, outputs.get("GuardVpcId"), outputs.get("GuardVpcEndpointId")) if role else None


def in_parameter(profile: Profile, region: str, name: str) -> PerimeterFile:
    """The perimeter file in a parameter of Parameter Store.

    Raises:
        MalformedPerimeter: it is none.
    """
    text = parameters.read(profile.ssm(region), name).text
    try:
        return perimeter.load(text)
    except MalformedPerimeter as fault:
        raise MalformedPerimeter(f"parameter `{name}`: {fault}") from None
