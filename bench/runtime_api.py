"""Lambda's Runtime API, as far as a cold start needs it: what the runtime interface client asks, and when.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECONDS = 30


@dataclass(frozen=True)
class ColdStart:
    """How long one took, in milliseconds from the start of the process.

    Attributes:
        initialised: until the runtime asked for the first event: everything is imported.
        answered: until it had answered that event.
        answer: the answer, or the error.
    """

    initialised: float
    answered: float
    answer: Any


def cold_start(command: Sequence[str], environ: Mapping[str, str], event: Mapping[str, Any]) -> ColdStart:
    """Starts a function by its command, gives it one event, and ends it.

    Raises:
        TimeoutError: it did not start, or did not answer in time.
    """
    seen: dict[str, Any] = {}
    done = threading.Event()
    with _Server(("127.0.0.1", 0), _handler(json.dumps(event).encode(), seen, done)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        told = {**environ, "PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"}
        began = time.perf_counter()
        with subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            came = done.wait(SECONDS)
            process.kill()
            said = process.stderr.read().decode() if process.stderr else ""
        server.shutdown()
    if not came or "next" not in seen:
        raise TimeoutError(f"the function did not start: {seen.get('answer', '')}{said[-2000:]}")
    return ColdStart((seen["next"] - began) * 1000, (seen["answered"] - began) * 1000, seen["answer"])


class _Server(HTTPServer):
    """One that does not mind that the function ends in the middle of a question."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: the connection of a function that was ended."""


def _handler(event: bytes, seen: dict[str, Any], done: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers the runtime interface client."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """The next event; there is only one."""
            if "next" in seen:
                done.wait(SECONDS)
                return
            seen["next"] = time.perf_counter()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + SECONDS) * 1000)))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111122223333:function:f")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(event)))
            self.end_headers()
            self.wfile.write(event)

        def do_POST(self) -> None:
            """The answer, or an error."""
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            seen["answered"] = time.perf_counter()
            seen["answer"] = json.loads(body or b"null")
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            done.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so the base class calls it
            """Nothing."""

    return Handler
