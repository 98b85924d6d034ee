"""The layer itself: each request of the KMS API is checked, passed on to ministack, corrected, and put on the trail."""

import json
import uuid
from collections.abc import Callable

from local.aws import emulator
from local.aws.caller import read_caller
from local.aws.cloudtrail.delivery import Delivery
from local.aws.cloudtrail.record import records_of
from local.aws.http import Answer, Application, Connection, Message, Receive, Send, ask, read_body, read_headers, reply
from local.aws.kms.amend import amend
from local.aws.kms.call import Call
from local.aws.kms.paging import fetch_all, page
from local.aws.kms.refuse import refuse
from local.wire import LOSES_EVENT_HEADER, MANAGED_KEY_PATH

_KMS_TARGET = "TrentService."


class Front:
    """The ASGI application that clients talk to; all but KMS goes to ministack untouched."""

    def __init__(self, behind: Application, delivery: Delivery, ready: Callable[[], None]) -> None:
        """Stand before `behind`; call `ready` once it serves."""
        self._behind = behind
        self._delivery = delivery
        self._ready = ready

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if connection["type"] == "lifespan":
            await self._behind(connection, receive, self._telling_when_ready(send))
        elif connection["type"] != "http":
            await self._behind(connection, receive, send)
        elif connection["path"] == MANAGED_KEY_PATH:
            await self._add_managed_key(connection, receive, send)
        elif read_headers(connection).get("x-amz-target", "").startswith(_KMS_TARGET):
            await self._answer_kms(connection, receive, send)
        else:
            await self._behind(connection, receive, send)

    def _telling_when_ready(self, send: Send) -> Send:
        async def send_and_tell(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self._ready()

        return send_and_tell

    async def _add_managed_key(self, connection: Connection, receive: Receive, send: Send) -> None:
        _, scope = emulator.read_scope(read_headers(connection))
        wanted = json.loads(await read_body(receive))
        await reply(send, Answer(200, emulator.add_managed_key(scope, wanted["alias"])), str(uuid.uuid4()))

    async def _answer_kms(self, connection: Connection, receive: Receive, send: Send) -> None:
        headers = read_headers(connection)
        call = _read_call(headers, await read_body(receive))
        # A deleted alias no longer says which key it meant, so the record's resources are looked up before the call.
        touched = emulator.alias_target(call.scope, str(call.parameters.get("AliasName", "")))
        answer = await self._carry_out(call, connection)
        await reply(send, answer, call.request_id)
        if LOSES_EVENT_HEADER in headers:
            return
        for record in records_of(call, answer, touched):
            self._delivery.deliver(call.scope.account, record)

    async def _carry_out(self, call: Call, connection: Connection) -> Answer:
        refusal = refuse(call)
        if refusal:
            return refusal.as_answer()
        answer = await ask(self._behind, connection, fetch_all(call))
        return amend(call, page(call, answer))


def _read_call(headers: dict[str, str], body: bytes) -> Call:
    access_key, scope = emulator.read_scope(headers)
    return Call(
        operation=headers["x-amz-target"].removeprefix(_KMS_TARGET),
        parameters=json.loads(body or b"{}"),
        caller=read_caller(headers, access_key, scope.account, emulator.session_of),
        scope=scope,
        request_id=str(uuid.uuid4()),
    )
