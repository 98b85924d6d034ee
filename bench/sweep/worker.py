"""Lambda: an execution environment of a function, and its poller.

`python -m bench.sweep.worker FUNCTION QUEUE SECONDS` ends when its standard input does, or when it is killed.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


@dataclass
class Context:
    """What Lambda tells a function about itself."""

    aws_request_id: str
    seconds: float
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function"
    began: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""
        return int((self.seconds - (time.monotonic() - self.began)) * 1000)


def handler(function: str) -> Callable[[dict[str, Any], Any], Any]:
    """The function's entry point."""
    spec = importlib.util.spec_from_file_location(function, ROOT / "functions" / function / "handler.py")
    if spec is None or spec.loader is None:
        raise ImportError(function)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handle: Callable[[dict[str, Any], Any], Any] = module.handle
    return handle


def main() -> None:
    """Take messages, hand them to the function, delete those that it has done; as Lambda's poller does."""
    function, queue, seconds = sys.argv[1:]
    sqs: Any = boto3.client("sqs")
    handle, url = handler(function), f"{os.environ['AWS_ENDPOINT_URL']}/queue/{queue}"
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    most = 10 if function == "on_key_change" else 1
    for number in itertools.count():
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, WaitTimeSeconds=1)
        if not (messages := got.get("Messages", [])):
            continue
        try:
            told = handle({"Records": [_record(message) for message in messages]}, Context(str(number), float(seconds)))
        except Exception as error:  # noqa: BLE001 - as Lambda: the messages come again
            sys.stderr.write(f"{function}: {error!r}\n")
            continue
        failed = {each["itemIdentifier"] for each in told.get("batchItemFailures", ())}
        done = [
            {"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]}
            for m in messages
            if m["MessageId"] not in failed
        ]
        if done:
            sqs.delete_message_batch(QueueUrl=url, Entries=done)
        Path(os.environ["BENCH_HOME"], f"{function}-{os.getpid()}").write_text(str(_most_memory()))


def _record(message: dict[str, Any]) -> dict[str, Any]:
    kept = {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"]}
    return {**kept, "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "eventSource": "aws:sqs"}


def _most_memory() -> int:
    """The most memory that this process has had at once, in bytes."""
    # Not `ru_maxrss`: what is forked from a large process starts with that one's peak. This counts from the `exec` on.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
