"""Serves until told to stop, and takes the functions' processes along."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

from hypercorn.asyncio import serve
from hypercorn.config import Config

from local.aws import emulator
from local.aws.cloudtrail.delivery import Delivery
from local.aws.front import Front


def run(listening: socket.socket, ready: Callable[[], None], *, stop_with_stdin: bool) -> None:
    """Serve on a listening socket; return when SIGTERM comes, SIGINT comes, or (if so told) standard input ends."""
    emulator.prepare()
    asyncio.run(_serve(listening, ready, stop_with_stdin=stop_with_stdin))
    emulator.stop_functions()


async def _serve(listening: socket.socket, ready: Callable[[], None], *, stop_with_stdin: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if stop_with_stdin:
        _watch_stdin(lambda: loop.call_soon_threadsafe(stop.set))
    front = Front(emulator.application, Delivery(), ready)
    await serve(front, _settings(listening), shutdown_trigger=stop.wait)


def _settings(listening: socket.socket) -> Config:
    settings = Config()
    settings.bind = [f"fd://{listening.fileno()}"]
    settings.keep_alive_timeout = 75
    settings.graceful_timeout = 0.3  # seconds: clients keep idle connections open
    settings.loglevel = "WARNING"
    return settings


def _watch_stdin(at_end: Callable[[], object]) -> None:
    """End with the parent, however it ends: the pipe from it closes then."""

    def wait() -> None:
        sys.stdin.buffer.read()
        at_end()

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def leave() -> None:
    """End the process at once: ministack's worker threads may be in the middle of a function's call."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
