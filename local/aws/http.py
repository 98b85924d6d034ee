"""The few things that the layer needs of HTTP over ASGI: read a request, ask the application behind, answer."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Connection = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Connection, Receive, Send], Awaitable[None]]

_JSON = b"application/x-amz-json-1.1"


@dataclass(frozen=True)
class Answer:
    """An HTTP response: its status, and its body as JSON."""

    status: int
    body: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        """Whether the call did what it was asked to do."""
        return self.status < 400  # noqa: PLR2004 - HTTP's own border between done and refused


def read_headers(connection: Connection) -> dict[str, str]:
    """The request's headers, names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in connection["headers"]}


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def ask(application: Application, connection: Connection, payload: dict[str, Any]) -> Answer:
    """Send a JSON request on to the application behind, in the place of the one that came, and take its answer."""
    body = json.dumps(payload).encode()
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await application(_with_length(connection, len(body)), receive, send)
    answer = b"".join(message.get("body", b"") for message in messages)
    return Answer(messages[0]["status"], json.loads(answer or b"{}"))


async def reply(send: Send, answer: Answer, request_id: str) -> None:
    """Answer a request in AWS's JSON protocol."""
    body = json.dumps(answer.body).encode()
    headers = [
        (b"content-type", _JSON),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_length(connection: Connection, length: int) -> Connection:
    kept = [(name, value) for name, value in connection["headers"] if name.lower() not in _ABOUT_THE_BODY]
    return {**connection, "headers": [*kept, (b"content-length", str(length).encode())]}


_ABOUT_THE_BODY = {b"content-length", b"transfer-encoding", b"content-encoding"}
