"""HTTP as AWS's SDKs speak it, for a server that must be quicker than its clients."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Parameters = dict[str, Any]
    Operation = Callable[[Parameters], Awaitable[Parameters] | Parameters]


class Refused(Exception):
    """An error of the AWS API; the code, the message, and for some errors more."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as far as it matters here.

    Attributes:
        service: such as ``TrentService`` (KMS), or ``form`` for what still speaks AWS's query protocol (SNS).
        operation: such as ``GetKeyPolicy``; the path, for what is no call of AWS.
        parameters: what it is called with.
    """

    service: str
    operation: str
    parameters: Parameters


async def read(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection, or None at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if target := headers.get("x-amz-target"):
        service, _, operation = target.partition(".")
        return Request(service.partition("_")[0], operation, json.loads(body))
    form = dict(parse_qsl(body.decode()))
    return Request("form", form.get("Action") or head[0].split()[1], form)


def answer(told: Parameters) -> bytes:
    """A response that says yes."""
    return _response(200, json.dumps(told).encode())


def refusal(error: Refused) -> bytes:
    """A response that says no."""
    code, message, *more = error.args
    return _response(400, json.dumps({"__type": code, "message": message, **(more[0] if more else {})}).encode())


def form_answer(operation: str, told: str) -> bytes:
    """A response in the query protocol that says yes."""
    return _response(
        200, f"<{operation}Response><{operation}Result>{told}</{operation}Result></{operation}Response>".encode()
    )


def _response(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
