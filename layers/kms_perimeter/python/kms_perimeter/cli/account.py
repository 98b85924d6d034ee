"""The account that a command works in: whose credentials, which Region, which deployment."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from kms_perimeter.approval import Desk
from kms_perimeter.aws.clients import PATIENCE
from kms_perimeter.aws.deployment import STACK, Deployment
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.ledger import Asks, Ledger
from kms_perimeter.aws.queues import Queue
from kms_perimeter.cli.inputs import InputError
from kms_perimeter.errors import InvalidInput, KmsRefusal, NoDeployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from boto3 import Session


@dataclass(frozen=True, slots=True)
class Account:
    """An account and Region, as the caller's credentials reach it.

    Attributes:
        session: the caller's credentials and Region.
        stack: the name of the deployment's stack.
    """

    session: Session
    stack: str = STACK

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """A client for a service of AWS."""
        make: Any = self.session.client
        return make(service, config=PATIENCE)

    def caller(self) -> str:
        """The caller's ARN. Takes no permission: `sts:GetCallerIdentity` cannot be denied."""
        return str(self.client("sts").get_caller_identity()["Arn"])

    def deployment(self) -> Deployment:
        """The deployment."""
        return Deployment.find(self.session, self.stack)

    def keys(self) -> Keys:
        """The keys of the account and Region."""
        return Keys(self.client("kms"))

    def ledger(self, deployment: Deployment) -> Ledger:
        """The deployment's ledger."""
        return Ledger(self.client("dynamodb"), deployment.output("LedgerTable"))

    def changes(self, deployment: Deployment) -> Queue:
        """The queue of keys to be looked at."""
        return Queue(self.client("sqs"), deployment.output("ChangesQueueUrl"))

    def desk(self, deployment: Deployment) -> Desk:
        """What answers are worked on with."""
        return Desk(
            asks=Asks(self.client("dynamodb"), deployment.output("LedgerTable")),
            ledger=self.ledger(deployment),
            keys=self.keys(),
            remediations=Queue(self.client("sqs"), deployment.output("RemediationsQueueUrl")),
            changes=self.changes(deployment),
            now=now,
        )


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def account_options(*, stack: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options ``--stack``, ``--profile``, ``--region``, handed to the command as one `Account` named ``account``.

    Whatever AWS refuses inside the command becomes one line on standard error and the exit status 2.

    Args:
        stack: whether the command needs a deployment.
    """
    options = (_STACK, *_CREDENTIALS) if stack else _CREDENTIALS

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def with_account(*args: object, profile: str | None, region: str | None, **rest: Any) -> object:  # noqa: ANN401
            name = rest.pop("stack", STACK)
            with refusals():
                session = boto3.Session(profile_name=profile, region_name=region)
                if session.region_name is None:
                    raise InputError("no Region: give --region, or set AWS_REGION or the profile's region")
                return function(*args, account=Account(session, name), **rest)

        return functools.reduce(lambda decorated, option: option(decorated), reversed(options), with_account)

    return decorate


@contextmanager
def refusals() -> Iterator[None]:
    """Turns what AWS, KMS or the deployment refuses into `InputError`."""
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        raise InputError(f"{error.operation_name}: {told['Code']}: {told.get('Message', '')}") from None
    except BotoCoreError as error:
        raise InputError(str(error)) from None
    except (KmsRefusal, NoDeployment, InvalidInput) as error:
        raise InputError(str(error)) from None


def key_arn_of(account: Account, deployment: Deployment, key: str) -> str:
    """The ARN of a key that a person names by its ID, its ARN, an alias or the alias's ARN.

    Only an alias is looked up (``kms:DescribeKey``): a key that is gone still has its story.
    """
    if key.startswith("alias/") or ":alias/" in key:
        return account.keys().describe(key).arn
    if key.startswith("arn:"):
        return key
    return deployment.key_arn(key)


_STACK = click.option(
    "--stack", metavar="NAME", default=STACK, show_default=True, help="The CloudFormation stack of the deployment."
)
_CREDENTIALS = (
    click.option("--profile", metavar="NAME", help="The profile of the AWS credentials to use."),
    click.option("--region", metavar="REGION", help="The Region.  [default: as the AWS command line has it]"),
)
