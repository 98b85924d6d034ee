"""The whole examination: every part is looked at, whatever the others find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from kms_perimeter.aws import stack, trails
from kms_perimeter.aws.deployment import Deployment
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.pace import Pace
from kms_perimeter.cli import aws_errors
from kms_perimeter.cli.examination import keys, networks, service, trail
from kms_perimeter.cli.examination.keys import CHANGE, READ, Role
from kms_perimeter.cli.examination.service import Service
from kms_perimeter.cli.examination.sign import red, yellow
from kms_perimeter.cli.scanning import region as regions
from kms_perimeter.errors import KmsRefusal, MalformedPerimeter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kms_perimeter.aws.profile import Profile
    from kms_perimeter.cli.examination.sign import Sign
    from kms_perimeter.perimeter import PerimeterFile

WORKERS = 16


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined.

    Attributes:
        profile: whose account.
        region: where.
        stack: the name of the deployment; None before there is one.
        perimeters: the perimeter file where a person gives one; else the deployment's.
        rate: calls of KMS a second.
    """

    profile: Profile
    region: str
    stack: str | None
    perimeters: PerimeterFile | None
    rate: float

    def signs(self) -> Iterator[Sign]:
        """Every sign, as it is found.

        Raises:
            NoDeployment: there is no such stack.
            ClientError: the caller's credentials are no good.
        """
        profile, region = self.profile, self.region
        found = Deployment.find(profile.session, self.stack, region) if self.stack else None
        yield from _looked("trail", lambda: (trail.examine(trails.of_region(profile.cloudtrail(region)), region),))
        file, faults = self._perimeters(found)
        yield from faults
        if file:
            yield from _looked("networks", lambda: networks.examine(profile.ec2(region), file))
            yield from service.exceptions(file, datetime.now(UTC))
        if found is None:
            yield from _looked("keys", partial(self._keys, ()))
            return
        yield from service.modes(file, found) if file else ()
        yield from self._service(found)

    def _perimeters(self, found: Deployment | None) -> tuple[PerimeterFile | None, list[Sign]]:
        if self.perimeters or found is None:
            return self.perimeters, []
        try:
            return found.perimeters(self.profile.ssm(self.region)), []
        except MalformedPerimeter as fault:
            told = f"the deployment's perimeter file is wrong: {fault}"
            return None, [red("perimeter", told, "correct it; `kms-perimeter validate` tells whether it is good")]
        except (ClientError, BotoCoreError) as error:
            return None, [_unseen("perimeter", error)]

    def _service(self, found: Deployment) -> Iterator[Sign]:
        profile, region = self.profile, self.region
        try:
            resources = stack.resources(profile.cloudformation(region), found.stack)
        except (ClientError, BotoCoreError) as error:
            yield _unseen("stack", error)
            return
        seen = Service(found, resources, datetime.now(UTC))
        yield from _looked("rule", lambda: service.rules(seen, profile.events(region)))
        yield from _looked("dead letters", lambda: service.dead_letters(seen, profile.sqs(region)))
        yield from _looked("sweep", lambda: (service.heartbeat(seen, profile.cloudwatch(region)),))
        yield from _looked("keys", partial(self._keys, _roles(seen)))

    def _keys(self, roles: tuple[Role, ...]) -> Iterator[Sign]:
        some = Keys(self.profile.kms(self.region, Pace(self.rate).wait))
        return keys.examine(some, regions.listed(some, needs_aliases=False), roles, WORKERS)


def _roles(seen: Service) -> tuple[Role, ...]:
    found = seen.deployment
    reader, changer = seen.resources.get("OnKeyChangeRole"), found.outputs.get("GuardRoleArn")
    readers = (Role(f"arn:{found.partition}:iam::{found.account}:role/{reader.id}", READ),) if reader else ()
    return (*readers, Role(changer, CHANGE)) if changer else readers


def _looked(about: str, look: Callable[[], Iterable[Sign]]) -> Iterator[Sign]:
    """The signs of one part; that it cannot be looked at is a sign too."""
    try:
        yield from look()
    except KmsRefusal as refusal:
        yield yellow(about, f"cannot be looked at: {refusal}", "get the permission, or ask somebody who has it")
    except (ClientError, BotoCoreError) as error:
        yield _unseen(about, error)


def _unseen(about: str, error: ClientError | BotoCoreError) -> Sign:
    told = aws_errors.told(error)
    if told is None or aws_errors.is_fatal(error):
        raise error
    return yellow(about, f"cannot be looked at: {told}", "get the permission, or ask somebody who has it")
