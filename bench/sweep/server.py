"""AWS on one port of 127.0.0.1, until its standard input ends: `python -m bench.sweep.server KEYS LEFT HIDES`.

Prints the port. `GET /progress` tells how far the sweep is, `GET /stats` what was called and what became of the keys.
`GET /power-cut` says that all clients have died.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from typing import Any

from bench.sweep import wire
from bench.sweep.dynamodb import DynamoDb
from bench.sweep.kms import ARN, Kms, kind
from bench.sweep.sqs import Sqs
from bench.sweep.wire import Refused, Request

_KEY = re.compile(re.escape(ARN) + r"(\d{8})")


class Aws:
    """The services of one account."""

    def __init__(self, keys: int, left: float, hides: float) -> None:
        self.kms, self.sqs, self.dynamodb = Kms(keys, left), Sqs(hides), DynamoDb()
        self.published: Counter[int] = Counter()
        self._calls = {"TrentService": self.kms.call, "DynamoDB": self.dynamodb.call, "secretsmanager": _secret}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as long as the client keeps it."""
        try:
            while request := await wire.read(reader):
                writer.write(await self._answer(request))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):  # the client was killed, which is what this is for
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request) -> bytes:
        try:
            if request.service == "AmazonSQS":
                return wire.answer(await self.sqs.call(request.operation, request.parameters))
            if call := self._calls.get(request.service):
                return wire.answer(call(request.operation, request.parameters))
        except Refused as error:
            return wire.refusal(error)
        if request.operation == "Publish":
            self.published.update({int(number) for number in _KEY.findall(request.parameters["Message"])})
            return wire.form_answer("Publish", "<MessageId>1</MessageId>")
        if request.operation == "/power-cut":
            self.dynamodb.age_claims()
        return wire.answer(self.stats() if request.operation == "/stats" else self.progress())

    def progress(self) -> dict[str, Any]:
        """How far the sweep is, at little cost."""
        sweeps = [item for place in self.dynamodb.sweeps if (item := self.dynamodb.items.get(place))]
        return {
            "looked at": self.kms.looked_at,
            "listed": bool(sweeps) and all(item["listed_at"]["S"] for item in sweeps),
            "waiting": sum(self.sqs.queues["changes"].counts()),
        }

    def stats(self) -> dict[str, Any]:
        """What was called, and what became of the keys."""
        kms = self.kms
        ours = [kind(number) in ("open", "enclosed") for number in range(kms.keys)]
        settled = [f"{ARN}{number:08}" for number, mine in enumerate(ours) if mine]
        told = self.published + Counter(
            int(number) for body in self.sqs.queues["digest"].bodies.values() for number in set(_KEY.findall(body))
        )
        return {
            "calls": {**kms.calls, **self.dynamodb.calls, **self.sqs.calls},
            "throttled": kms.throttled,
            "looks": kms.looks,
            "looked at": sum(map(bool, kms.described)),
            "missed": sum(not times for times in kms.described),
            "read": sum(map(bool, kms.read)),
            "read more than once": sum(times > 1 for times in kms.read),
            "read, but none of ours": sum(times > 0 and not mine for times, mine in zip(kms.read, ours, strict=True)),
            "not settled": sum("settled_at" not in self.dynamodb.items.get((arn, "state"), {}) for arn in settled),
            "entries": Counter(
                Counter(arn for arn, entry in self.dynamodb.items if entry != "state" and arn.startswith(ARN)).values()
            ),
            "told": len(told),
            "told more than once": sum(times > 1 for times in told.values()),
            "waiting": {name: sum(queue.counts()) for name, queue in self.sqs.queues.items()},
            "sweeps": {arn: item for (arn, entry), item in self.dynamodb.items.items() if entry == "progress"},
        }


def _secret(_operation: str, _parameters: dict[str, Any]) -> dict[str, Any]:
    return {"SecretString": "secret"}


async def main() -> None:
    """Serve."""
    keys, left, hides = sys.argv[1:]
    aws = Aws(int(keys), float(left), float(hides))
    server = await asyncio.start_server(aws.serve, "127.0.0.1", 0, limit=2**20, backlog=100)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)  # clients keep connections open, and that is none of their business any more


if __name__ == "__main__":
    asyncio.run(main())
