"""Security Hub's end of the wire: takes findings on this machine, as `BatchImportFindings` does."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType


class Hub:
    """A server on 127.0.0.1.

    Attributes:
        findings: what was imported, by the findings' IDs: a later import replaces an earlier one.
        url: for `AWS_ENDPOINT_URL_SECURITYHUB`.
    """

    def __init__(self) -> None:
        self.findings: dict[str, dict[str, Any]] = {}
        hub = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["Findings"]
                hub.findings.update({finding["Id"]: finding for finding in taken})
                answer = {"FailedCount": 0, "SuccessCount": len(taken), "FailedFindings": []}
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Starts it."""
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()
