"""Faults, injected where botocore sends its requests; the code under test knows nothing of it.

What AWS answers is decided in botocore's own event `before-send`: a fault answers in place of AWS, raises what a broken
connection raises, or lets AWS (moto) do its work first and then loses the answer, or the process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError
from moto.core.models import botocore_stubber

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session


class Fault(StrEnum):
    """What can go wrong with a call."""

    THROTTLED_ONCE = "throttled once"
    THROTTLED = "throttled always"
    DENIED = "access denied"
    LOST_ANSWER = "time-out after the effect"
    LOST_REQUEST = "time-out before"
    SERVER_ERROR = "5xx"
    KEY_GONE = "key gone"
    KILLED = "killed right after"


SERVICES = ("kms", "dynamodb", "sns", "sqs", "ssm", "secrets-manager")
ONCE = (Fault.THROTTLED_ONCE, Fault.LOST_ANSWER, Fault.KILLED)
"""These strike one request; the others strike each, until the outage is over."""


class ProcessKilledError(BaseException):
    """The function's process ends here; nothing in it can catch this."""


_CODES = {
    Fault.THROTTLED: {"kms": "ThrottlingException", "dynamodb": "ProvisionedThroughputExceededException",
                      "sns": "Throttling", "sqs": "RequestThrottled", "ssm": "ThrottlingException",
                      "secretsmanager": "ThrottlingException"},
    Fault.DENIED: {"sns": "AuthorizationError"},
    Fault.KEY_GONE: {"kms": "NotFoundException"},
    Fault.SERVER_ERROR: {"kms": "KMSInternalException", "dynamodb": "InternalServerError"},
}  # fmt: skip
_OTHERWISE = {Fault.DENIED: "AccessDeniedException", Fault.SERVER_ERROR: "InternalFailure"}


@dataclass
class Injector:
    """Strikes calls of one operation; switched off, it only counts.

    Attributes:
        operation: such as ``kms.DescribeKey``; empty to strike none.
        fault: what happens to the calls.
        at: of a fault that strikes once, which call of the operation it strikes, from 0 up.
        calls: the operations that were called since the last run began, in their order, tries that botocore repeats
            among them.
        struck: how often the fault has struck.
        meanwhile: what happens in the world right before a call is sent, given how many were sent before it.
        recover: lets time pass after each call to KMS once a fault has struck: botocore's adaptive mode, once
            throttled, waits by the clock for its next token: two seconds at most, and for ever if the clock stands.
    """

    operation: str = ""
    fault: Fault = Fault.THROTTLED_ONCE
    at: int = 0
    calls: list[str] = field(default_factory=list)
    struck: int = 0
    meanwhile: Callable[[int], None] = lambda _: None
    recover: Callable[[], None] = lambda: None

    def install(self, session: Session) -> None:
        """Takes its place in front of AWS, for every client that the session makes from now on."""
        session.get_component("event_emitter").register_first("before-send", self.before_send)
        for service in SERVICES:  # the client's own handler stands at the same place and must come after
            session.get_component("event_emitter").register_first(f"needs-retry.{service}", self.needs_retry)

    def before_send(self, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse | None:  # noqa: ANN401
        """Answers in place of AWS where the fault strikes."""
        _, service, operation = event_name.split(".")
        name = f"{service}.{operation}"
        seen, sent = self.calls.count(name), len(self.calls)
        self.calls.append(name)
        self.meanwhile(sent)
        once = self.fault in ONCE
        if name != self.operation or (once and (self.struck or seen != self.at)):
            return None
        self.struck += 1
        return self._strike(service, event_name, request, kwargs)

    def needs_retry(self, event_name: str, **told: Any) -> float | None:  # noqa: ANN401 - as botocore gives it
        """Lets moto answer again, and has what can be tried again tried again at once."""
        botocore_stubber.enabled = True
        if self.struck and ".kms." in event_name and self.fault in (Fault.THROTTLED, Fault.THROTTLED_ONCE):
            self.recover()
        return retry_at_once(**told)

    def _strike(
        self, service: str, event_name: str, request: AWSPreparedRequest, kwargs: dict[str, Any]
    ) -> AWSResponse:
        match self.fault:
            case Fault.LOST_REQUEST:
                raise ConnectTimeoutError(endpoint_url=request.url)
            case Fault.LOST_ANSWER:
                botocore_stubber(event_name, request, **kwargs)
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.KILLED:
                botocore_stubber(event_name, request, **kwargs)
                raise ProcessKilledError(event_name)
        kind = Fault.THROTTLED if self.fault is Fault.THROTTLED_ONCE else self.fault
        botocore_stubber.enabled = False  # botocore asks every handler of the event, whatever the first one answers
        code = _CODES.get(kind, {}).get(service) or _OTHERWISE[kind]
        return _refusal(500 if kind is Fault.SERVER_ERROR else 400, code, service)


def _refusal(status: int, code: str, service: str) -> AWSResponse:
    if service == "sns":  # speaks the query protocol, all others JSON
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{code}</Message></Error></ErrorResponse>".encode()
    else:
        body = json.dumps({"__type": code, "message": code}).encode()
    return AWSResponse("", status, {"content-type": "application/json"}, _Raw(body))  # type: ignore[arg-type]


class _Raw(BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: object) -> Any:  # noqa: ANN401 - an iterator of bytes
        """The whole body at once."""
        yield self.read()


def retry_at_once(
    response: tuple[Any, dict[str, Any]] | None, attempts: int, caught_exception: Exception | None, **_: object
) -> float | None:
    """As botocore's standard mode with three tries decides, but without its pause: a pause finds no defect."""
    if attempts >= 3:
        return None
    if caught_exception is not None:
        return 0.0 if isinstance(caught_exception, HTTPClientError) else None
    told = response[1] if response else {}
    code = told.get("Error", {}).get("Code", "")
    again = told.get("ResponseMetadata", {}).get("HTTPStatusCode", 200) >= 500 or "Throttl" in code
    return 0.0 if again or code == "ProvisionedThroughputExceededException" else None
