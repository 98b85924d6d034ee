"""Faults, injected where botocore sends its requests; the code under test knows nothing of it.

What AWS answers is decided in botocore's own event `before-send`: a fault answers in place of AWS, raises what a broken
connection raises, or lets AWS (moto) do its work first and then loses the answer, or the process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError
from moto.core.models import botocore_stubber

from tests.faults.faults import ONCE, Fault, partial_answer, refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session

SERVICES = (
    *("kms", "dynamodb", "sns", "sqs", "ssm", "secrets-manager", "eventbridge", "securityhub"),
    *("s3", "sts", "cloudformation"),
)


class ProcessKilledError(BaseException):
    """The function's process ends here; nothing in it can catch this."""


@dataclass
class Injector:
    """Strikes calls of one operation, or of one service; switched off, it only counts.

    Attributes:
        operation: such as ``kms.DescribeKey``, ``kms.*`` for all of a service, or ``*``; empty to strike none.
        fault: what happens to the calls.
        within: the function whose calls are struck; empty for those of all.
        each: whether what strikes once strikes each call once: the first of its tries.
        at: which call of the operation is the first to be struck, from 0 up.
        since: how many calls of any operation are let through before the first is struck.
        most: how many calls are struck at most, of a fault that lasts; None for as long as it is switched on.
        outages: what lasts, one after the other: each run of the function meets the next one, and then none; or None.
        met: the outages that runs have met, and whether the run failed.
        calls: the operations that were called since the last run began, in their order, tries that botocore repeats
            among them.
        made_by: the functions that have made them.
        caller: the function that runs right now.
        struck: how often the fault has struck.
        meanwhile: what happens in the world right before a call is sent, given how many were sent before it.
        looks: looks at the world right before and right after a call does anything, given the operation.
        throttled: whether a client has been throttled.
        recover: lets time pass after each call of a client in botocore's adaptive mode, as that of KMS: once throttled,
            it waits by the clock for its next token: two seconds at most, and for ever if the clock stands.
    """

    operation: str = ""
    fault: Fault = Fault.THROTTLED_ONCE
    within: str = ""
    each: bool = False
    at: int = 0
    since: int = 0
    most: int | None = None
    outages: list[Fault] | None = None
    met: dict[Fault, bool] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    made_by: list[str] = field(default_factory=list)
    caller: Callable[[], str] = lambda: ""
    struck: int = 0
    meanwhile: Callable[[int], None] = lambda _: None
    looks: Callable[[str, str], None] = lambda _, __: None
    throttled: bool = False
    _just: bool = False
    recover: Callable[[], None] = lambda: None

    def before_send(self, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse | None:  # noqa: ANN401
        """Answers in place of AWS where the fault strikes."""
        _, service, operation = event_name.split(".")
        name = f"{service}.{operation}"
        seen, sent, caller = self._seen(name), len(self.calls), self.caller()
        self.calls.append(name)
        self.made_by.append(caller)
        self.meanwhile(sent)
        self.looks("before", name)
        if self.within not in ("", caller) or not self._strikes(name, seen, sent):
            return None
        self.struck += 1
        return self._strike(event_name, request, kwargs)

    def response_received(self, event_name: str, **_: object) -> None:
        """Looks at what the call has brought about, whatever became of its answer."""
        self.looks("after", event_name.partition(".")[2])

    def needs_retry(self, **told: Any) -> float | None:  # noqa: ANN401 - as botocore gives it
        """Lets moto answer again, and has what can be tried again tried again at once."""
        botocore_stubber.enabled = True
        self.throttled |= bool(self.struck) and self.fault in (Fault.THROTTLED, Fault.THROTTLED_ONCE)
        if self.throttled and told["request_dict"]["context"]["client_config"].retries["mode"] == "adaptive":
            self.recover()
        return retry_at_once(**told)

    def run_begins(self, function: str) -> None:
        """Has the next outage begin, where each run meets another one."""
        if function != self.within or self.outages is None:
            return
        if self.outages:
            self.fault, self.struck = self.outages.pop(0), 0
        else:
            self.operation = ""

    def run_ends(self, function: str, *, failed: bool) -> None:
        """Notes what has become of a run that has met an outage."""
        if function == self.within and self.outages is not None and self.struck and self.operation:
            self.met[self.fault] = failed

    def forget(self) -> None:
        """Begins to count anew."""
        self.calls.clear()
        self.made_by.clear()
        self.struck = 0

    def calls_of(self, function: str) -> tuple[str, ...]:
        """The calls that a function has made, in their order."""
        return tuple(call for call, by in zip(self.calls, self.made_by, strict=True) if by == function)

    def _seen(self, name: str) -> int:
        return self.calls_of(self.within).count(name) if self.within else self.calls.count(name)

    def _strikes(self, name: str, seen: int, sent: int) -> bool:
        if self.operation not in (name, f"{name.partition('.')[0]}.*", "*") or sent < self.since:
            return False
        if self.each:
            self._just = not self._just
            return self._just
        if self.fault in ONCE:
            return not self.struck and seen == self.at
        return seen >= self.at and (self.most is None or self.struck < self.most)

    def _strike(self, event_name: str, request: Any, kwargs: dict[str, Any]) -> AWSResponse:  # noqa: ANN401 - its body's type is open
        _, service, operation = event_name.split(".")
        if self.fault is Fault.LOST_REQUEST:
            raise ConnectTimeoutError(endpoint_url=request.url)
        if self.fault in (Fault.LOST_ANSWER, Fault.KILLED):
            botocore_stubber(event_name, request, **kwargs)
            self.looks("after", f"{service}.{operation}")
            raise _LOSSES[self.fault](endpoint_url=request.url)
        botocore_stubber.enabled = False  # botocore asks every handler of the event, whatever the first one answers
        if self.fault is Fault.PARTIAL:
            return _answer(*partial_answer(operation, json.loads(request.body)))
        return _answer(*refusal_of(self.fault, service))


@dataclass
class Front:
    """Stands in front of AWS for one world after the other, so that they can have their clients in common.

    Attributes:
        injector: of the world that there is now.
    """

    injector: Injector = field(default_factory=Injector)

    def install(self, session: Session) -> None:
        """Takes its place in front of AWS, for every client that the session makes from now on."""
        emitter = session.get_component("event_emitter")
        emitter.register_first("before-send", self._before_send)
        emitter.register_first("response-received", self._response_received)
        for service in SERVICES:  # the client's own handler stands at the same place and must come after
            emitter.register_first(f"needs-retry.{service}", self._needs_retry)

    def _before_send(self, **told: Any) -> AWSResponse | None:  # noqa: ANN401 - as botocore gives it
        return self.injector.before_send(**told)

    def _response_received(self, **told: Any) -> None:  # noqa: ANN401 - likewise
        self.injector.response_received(**told)

    def _needs_retry(self, **told: Any) -> float | None:  # noqa: ANN401 - likewise
        return self.injector.needs_retry(**told)


def _killed(endpoint_url: str) -> ProcessKilledError:
    return ProcessKilledError(endpoint_url)


_LOSSES: dict[Fault, Callable[..., BaseException]] = {Fault.LOST_ANSWER: ReadTimeoutError, Fault.KILLED: _killed}


def _answer(status: int, body: bytes) -> AWSResponse:
    return AWSResponse("", status, {"content-type": "application/json"}, _Raw(body))  # type: ignore[arg-type]


class _Raw(BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: object) -> Any:  # noqa: ANN401 - an iterator of bytes
        """The whole body at once."""
        yield self.read()


def retry_at_once(
    response: tuple[Any, dict[str, Any]] | None,
    attempts: int,
    caught_exception: Exception | None,
    request_dict: dict[str, Any],
    **_: object,
) -> float | None:
    """As botocore's standard mode decides, as often as the client is set up to, but without a pause.

    A pause finds no defect. With None, botocore's own handler would decide, and pause for up to 20 seconds.
    """
    retries = request_dict["context"]["client_config"].retries
    if attempts >= retries["total_max_attempts"]:
        return None  # and so does botocore's own handler
    if caught_exception is not None:
        return 0.0 if isinstance(caught_exception, (HTTPClientError, NoConnectionError)) else None
    told = response[1] if response else {}
    code = told.get("Error", {}).get("Code", "")
    again = told.get("ResponseMetadata", {}).get("HTTPStatusCode", 200) >= 500 or "Throttl" in code
    return 0.0 if again or code == "ProvisionedThroughputExceededException" else None
