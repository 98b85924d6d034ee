"""A Slack incoming webhook on loopback: takes what Slack takes, refuses what Slack refuses, keeps what it took.

    with Webhook() as slack:
        ...post to slack.url...
        slack.wait_for(1)[0]["text"]

Replies to what people press are taken at `reply_url` and kept apart; trouble made `for_replies` strikes those alone.

Limits from Slack's documents: "Sending messages using incoming webhooks", "Block Kit reference", "Rate limits".
"""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from local.slack_limits import complain

PATH = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
REPLY_PATH = "/actions/T00000000/000000000000/xxxxxxxxxxxxxxxxxxxxxxxx"


@dataclass(frozen=True)
class _Reply:
    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)
    takes: bool = False


_SILENCE = 0  # in place of a status: no answer at all


class Webhook:
    """One incoming webhook, served for as long as the `with` block lasts."""

    def __init__(self) -> None:
        """Take a free port; nothing is served yet."""
        self._messages: list[dict[str, Any]] = []
        self._replies: list[dict[str, Any]] = []
        self._refusals: list[str] = []
        self._trouble: list[_Reply] = []
        self._trouble_for_replies: list[_Reply] = []
        self._replies_expire = False
        self._changed = threading.Condition()
        self._port = 0
        self._listen()

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self.hang_up()

    def hang_up(self) -> None:
        """Refuse connections until told to `recover`, then at the same URL."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _listen(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler_for(self))
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="slack", daemon=True)

    @property
    def url(self) -> str:
        """Where to post."""
        return f"{self.origin}{PATH}"

    @property
    def reply_url(self) -> str:
        """Where to reply to what somebody has pressed."""
        return f"{self.origin}{REPLY_PATH}"

    @property
    def origin(self) -> str:
        """The scheme and host of both."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages that were taken, oldest first."""
        with self._changed:
            return list(self._messages)

    @property
    def replies(self) -> list[dict[str, Any]]:
        """The replies that were taken, oldest first."""
        with self._changed:
            return list(self._replies)

    @property
    def refusals(self) -> list[str]:
        """Why posts were refused, oldest first: `invalid_blocks` and the like, but no trouble made on purpose."""
        with self._changed:
            return list(self._refusals)

    def wait_for(self, count: int, seconds: float = 10) -> list[dict[str, Any]]:
        """Wait until `count` messages were taken in all, and give all of them.

        Raises:
            TimeoutError: Fewer came in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._messages) >= count, seconds):
                raise TimeoutError(f"{len(self._messages)} of {count} Slack messages came within {seconds} seconds")
            return list(self._messages)

    def limit_rate(self, times: int, retry_after: int = 1, *, for_replies: bool = False) -> None:
        """Answer the next posts with 429 and a `Retry-After` in seconds, as often as told."""
        reply = _Reply(429, "rate_limited", {"Retry-After": str(retry_after)})
        self._make_trouble(times, reply, for_replies=for_replies)

    def fail(self, times: int, status: int = 500, text: str = "rollup_error", *, for_replies: bool = False) -> None:
        """Answer the next posts with an error and its text, as often as told."""
        self._make_trouble(times, _Reply(status, text), for_replies=for_replies)

    def fall_silent(self, times: int, *, taken: bool, for_replies: bool = False) -> None:
        """Give the next posts no answer, as often as told, until the caller hangs up; whether `taken` all the same."""
        self._make_trouble(times, _Reply(_SILENCE, "", takes=taken), for_replies=for_replies)

    def expire_replies(self) -> None:
        """Take no reply any more: Slack takes "up to 5 times within 30 minutes of receiving the payload"."""
        with self._changed:
            self._replies_expire = True

    def recover(self) -> None:
        """Make no more trouble, and listen again."""
        with self._changed:
            self._trouble.clear()
            self._trouble_for_replies.clear()
        if not self._thread.is_alive():
            self._listen()
            self._thread.start()

    def _make_trouble(self, times: int, reply: _Reply, *, for_replies: bool) -> None:
        with self._changed:
            trouble = self._trouble_for_replies if for_replies else self._trouble
            trouble += [reply] * times

    def receive(self, path: str, body: bytes) -> _Reply:
        """Judge one post as Slack would, and keep it if it is good."""
        with self._changed:
            replies = path == REPLY_PATH
            trouble = self._trouble_for_replies if replies and self._trouble_for_replies else self._trouble
            if trouble and not trouble[0].takes:
                return trouble.pop(0)
            complaint = _Reply(404, "expired_url") if replies and self._replies_expire else _complain(path, body)
            if complaint:
                self._refusals.append(complaint.text)
                return complaint
            (self._messages if path == PATH else self._replies).append(json.loads(body))
            self._changed.notify_all()
            return trouble.pop(0) if trouble else _Reply(200, "ok")


def _complain(path: str, body: bytes) -> _Reply | None:
    if path not in (PATH, REPLY_PATH):
        return _Reply(404, "no_service")
    try:
        payload = json.loads(body)
    except ValueError:
        return _Reply(400, "invalid_payload")
    reason = complain(payload)
    return _Reply(400, reason) if reason else None


def _handler_for(webhook: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = webhook.receive(self.path, body)
            if reply.status == _SILENCE:
                self.rfile.read(1)  # gives nothing once the caller has hung up
                self.close_connection = True
                return
            text = reply.text.encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "text/html", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing: what came is in `messages` and `refusals`."""

    return Handler
