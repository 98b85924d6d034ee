"""The account that a command works in: whose credentials, which Region, which deployment."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.approval import Desk
from kms_perimeter.aws.deployment import STACK, Deployment
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.ledger import Asks, Ledger
from kms_perimeter.aws.queues import Queue
from kms_perimeter.cli import credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.aws.profile import Profile
    from kms_perimeter.perimeter import PerimeterFile


@dataclass(frozen=True, slots=True)
class Account:
    """An account and Region, as the caller's credentials reach it, and the deployment in it.

    Attributes:
        profile: the caller's access to AWS.
        region: the Region.
        deployment: the deployment that the command is about.
    """

    profile: Profile
    region: str
    deployment: Deployment

    def caller(self) -> str:
        """The caller's ARN."""
        return self.profile.caller(self.region)

    def keys(self) -> Keys:
        """The keys of the account and Region."""
        return Keys(self.profile.kms(self.region))

    def ledger(self) -> Ledger:
        """The deployment's ledger."""
        return Ledger(self.profile.dynamodb(self.region), self.deployment.output("LedgerTable"))

    def perimeters(self) -> PerimeterFile:
        """The perimeters that the deployment goes by now."""
        return self.deployment.perimeters(self.profile.ssm(self.region))

    def changes(self) -> Queue:
        """The queue of keys to be looked at."""
        return Queue(self.profile.sqs(self.region), self.deployment.output("ChangesQueueUrl"))

    def desk(self) -> Desk:
        """What answers are worked on with."""
        orders = self.deployment.output("RemediationsQueueUrl")
        return Desk(
            asks=Asks(self.profile.dynamodb(self.region), self.deployment.output("LedgerTable")),
            ledger=self.ledger(),
            keys=self.keys(),
            remediations=Queue(self.profile.sqs(self.region), orders),
            changes=self.changes(),
            now=now,
        )

    def key_arn(self, key: str) -> str:
        """The ARN of a key that a person names by its ID, its ARN, an alias or the alias's ARN.

        Only an alias is looked up (``kms:DescribeKey``): a key that is gone still has its story.
        """
        if key.startswith("alias/") or ":alias/" in key:
            return self.keys().describe(key).arn
        return key if key.startswith("arn:") else self.deployment.key_arn(key)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def account_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options ``--stack``, ``--profile`` and ``--region``, handed to the command as one `Account`: ``account``."""

    @credentials.profile_option
    @credentials.region_option
    @_stack_option
    @functools.wraps(function)
    def with_account(*args: object, profile_name: str | None, region: str | None, stack: str, **rest: object) -> object:
        profile = credentials.profile_named(profile_name)
        place = credentials.region_of(profile, region)
        return function(*args, account=Account(profile, place, Deployment.find(profile.session, stack, place)), **rest)

    return with_account


_stack_option = click.option(
    "--stack", metavar="NAME", default=STACK, show_default=True, help="The CloudFormation stack of the deployment."
)
