"""What AWS and its SDK say, in one line with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGN_IN = "the sign-in is missing or has expired; sign in again, for example with `aws sso login`"
_SDK: tuple[tuple[type[BotoCoreError], str], ...] = (
    (exceptions.NoCredentialsError, "no AWS credentials; give --profile or set AWS_PROFILE, or sign in first"),
    (exceptions.ProfileNotFound, "{error}; `aws configure list-profiles` tells which there are"),
    (exceptions.NoRegionError, "no Region; give --region or set AWS_DEFAULT_REGION"),
    (exceptions.SSOError, f"{_SIGN_IN} ({{error}})"),
    (exceptions.TokenRetrievalError, f"{_SIGN_IN} ({{error}})"),
    (exceptions.CredentialRetrievalError, f"{_SIGN_IN} ({{error}})"),
    (exceptions.InvalidRegionError, "{error}; `aws ec2 describe-regions` tells which there are"),
    (exceptions.EndpointConnectionError, "{error}; look at the network and at the name of the Region"),
    (exceptions.HTTPClientError, "AWS cannot be reached: {error}; look at the network"),
)
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_STRANGE = (
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
_THROTTLED = ("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown")
_CLIENT: Mapping[tuple[str, ...], str] = {
    _EXPIRED: "the AWS credentials have expired; sign in again",
    _STRANGE: "AWS does not know the credentials (or the Region is not enabled for the account): {error}",
    _DENIED: "access denied: {error}; the page `docs/command-line.md` lists what each command may need",
    _THROTTLED: "AWS throttles {call}; try again later, or with a lower --rate where the command has one",
}


def told(error: Exception) -> str | None:
    """The line, or None for an error that is none of AWS's or its SDK's."""
    if isinstance(error, ClientError):
        return _of_client(error)
    if isinstance(error, BotoCoreError):
        text = next((text for kind, text in _SDK if isinstance(error, kind)), "{error}")
        return text.format(error=_line(str(error)))
    return None


def is_fatal(error: Exception) -> bool:
    """Whether every further call would fail in the same way: the credentials are at fault."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in (*_EXPIRED, *_STRANGE)
    missing = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
    kinds = (*missing, exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.CredentialRetrievalError)
    return isinstance(error, kinds)


def is_denied(error: Exception) -> bool:
    """Whether the caller may not make the call."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _DENIED


def _of_client(error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    text = next((text for codes, text in _CLIENT.items() if code in codes), "AWS refuses {call}: {code}: {error}")
    return text.format(error=_line(message) or code, call=error.operation_name, code=code)


def _line(text: str) -> str:
    """The text on one line, without the final period that would stand before what to do."""
    return " ".join(text.split()).rstrip(".")
