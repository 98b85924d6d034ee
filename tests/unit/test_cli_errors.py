"""What AWS refuses is one line on standard error with what to do, never a traceback."""

from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from kms_perimeter.cli import aws_errors
from tests.unit.account import APPROVED
from tests.unit.refusing import refused
from tests.unit.terminal import Terminal

SCAN = ("scan", "--vpc-endpoint", APPROVED)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredTokenException", "the AWS credentials have expired; sign in again"),
        ("UnrecognizedClientException", "AWS does not know the credentials (or the Region is not enabled"),
        ("AccessDeniedException", "access denied: User: arn:aws:iam::123456789012:user/somebody is not authorized"),
        ("InternalFailure", "AWS refuses ListKeys: InternalFailure: User: "),
    ],
)
def test_what_aws_refuses_is_one_line(terminal: Terminal, code: str, said: str) -> None:
    """Credentials, permissions and everything else that keeps the only Region from being scanned: status 2."""
    with refused(code, "kms:ListKeys"):
        ran = terminal.run(*SCAN)

    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith(f"kms-perimeter: {said}")


def test_a_profile_that_is_not_there_is_named(terminal: Terminal) -> None:
    """A misspelt profile is told with how to see those that there are."""
    ran = terminal.run(*SCAN, "--profile", "prodution")

    assert ran.status == 2
    assert ran.err == (
        "kms-perimeter: The config profile (prodution) could not be found; `aws configure list-profiles` tells which"
        " there are\n"
    )


def test_a_region_must_be_known(terminal: Terminal) -> None:
    """Without a Region, how to give one."""
    terminal.environment["AWS_DEFAULT_REGION"] = None

    ran = terminal.run(*SCAN)

    assert ran.err == "kms-perimeter: no Region; give --region, or set AWS_REGION or the profile's `region`\n"


def test_the_region_may_be_in_the_environment(terminal: Terminal) -> None:
    """AWS_REGION counts, as it does for the AWS command line."""
    terminal.environment |= {"AWS_DEFAULT_REGION": None, "AWS_REGION": "eu-west-1"}

    assert terminal.run(*SCAN).status == 0


def client_error(code: str, message: str = "m") -> ClientError:
    """An answer of KMS's."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetKeyPolicy")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.NoCredentialsError(), "no AWS credentials; give --profile or set AWS_PROFILE"),
        (exceptions.UnauthorizedSSOTokenError(), "the sign-in is missing or has expired; sign in again"),
        (exceptions.EndpointConnectionError(endpoint_url="https://kms"), "Could not connect to the endpoint URL"),
        (exceptions.ReadTimeoutError(endpoint_url="https://kms"), "AWS cannot be reached: Read timeout"),
        (client_error("ThrottlingException"), "AWS throttles GetKeyPolicy; try again later"),
        (client_error("Odd", "two\n  lines."), "AWS refuses GetKeyPolicy: Odd: two lines"),
    ],
)
def test_each_error_says_what_to_do(error: Exception, said: str) -> None:
    """The line begins with what is wrong, and has no line break in it."""
    told = aws_errors.told(error)

    assert told is not None
    assert told.startswith(said)
    assert "\n" not in told


def test_a_mistake_of_ours_is_none_of_aws() -> None:
    """An error that is neither AWS's nor its SDK's keeps its traceback."""
    unknown: Any = KeyError("x")

    assert aws_errors.told(unknown) is None
