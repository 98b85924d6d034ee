"""One sweep of a made account: who plays which part, and what came out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import boto3

from kms_perimeter.sweep import keys_per_second
from tests.unit.account import APPROVED, OURS, REGION
from tests.unit.test_settings import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SWEEP = "2026-11-24T06:00:00Z"
PATIENCE = 60  # seconds
LISTER_SECONDS = 60  # the timeout of on_sweep in the template


@dataclass(frozen=True)
class Run:
    """What is to be measured.

    Attributes:
        keys: how many keys the account has.
        share: percent of the quotas that the sweep may use.
        workers: functions side by side that look at keys; the template's number for this share, unless told otherwise.
        left: how much of each quota the account's applications leave; 1 for all.
        kill: kill everything that plays Lambda once this part of the keys has been looked at; None for never.
        hides: visibility timeout of the queues, in seconds, as in the template; less where somebody waits for it.
    """

    keys: int
    share: int = 20
    workers: int = 10
    left: float = 1.0
    kill: float | None = None
    hides: int = 360

    @property
    def rate(self) -> float:
        """Keys a second that can be looked at: what the sweep was given, or what KMS has left of it."""
        return min(
            keys_per_second(self.share, with_aliases=False), keys_per_second(100, with_aliases=False) * self.left
        )


@dataclass(frozen=True)
class Result:
    """What came out.

    Attributes:
        run: what was measured.
        seconds: from the first to the last look at a key.
        stats: what the server counted.
        lister: the most memory that a lister had, in bytes.
        worker: the most memory that a worker had, in bytes.
    """

    run: Run
    seconds: float
    stats: dict[str, Any]
    lister: int
    worker: int

    @property
    def rate(self) -> float:
        """Keys a second."""
        return self.run.keys / self.seconds

    @property
    def of_given(self) -> float:
        """The rate as a part of what was given."""
        return self.rate / self.run.rate


@dataclass
class Stage:
    """The processes of a run."""

    run: Run
    home: Path
    environ: dict[str, str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Start what plays Lambda."""
        for _ in range(self.run.workers):
            self.running.append(self._worker("on_key_change", "changes"))
        self.running.append(self._worker("on_sweep", "sweeps"))

    def _worker(self, function: str, queue: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bench.sweep.worker", function, queue, str(LISTER_SECONDS)]
        with (self.home / "log").open("a") as log:
            return subprocess.Popen(
                command, env=self.environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, text=True
            )

    def kill(self) -> None:
        """End them as a machine ends that loses its power."""
        for process in self.running:
            process.kill()
            process.wait()
            _close(process.stdin)
        self.running.clear()

    def ask(self, what: str) -> dict[str, Any]:
        """The server's `progress` or its `stats`; that there was a `power-cut`."""
        with urllib.request.urlopen(f"{self.environ['AWS_ENDPOINT_URL']}/{what}") as answer:  # noqa: S310 - ours
            told: dict[str, Any] = json.loads(answer.read())
            return told

    def check(self, looked_at: int) -> None:
        """See that something is going on.

        Raises:
            RuntimeError: no key has been looked at in the first minute; the message ends with what was logged last.
        """
        if not looked_at and time.monotonic() > self.began + PATIENCE:
            raise RuntimeError(f"no key was looked at in {PATIENCE} s: {(self.home / 'log').read_text()[-2000:]}")

    def memory(self, function: str) -> int:
        """The most memory that a process of this function had."""
        return max((int(path.read_text() or 0) for path in self.home.glob(f"{function}-*")), default=0)


@contextmanager
def stage(run: Run) -> Iterator[Stage]:
    """The server, and what plays Lambda, for as long as the block lasts."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        command = [sys.executable, "-m", "bench.sweep.server", str(run.keys), str(run.left), str(run.hides)]
        server = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(_close, server.stdin)
        port = int(server.stdout.readline()) if server.stdout else 0
        made = Stage(run, home, environ(run, port, home))
        stack.callback(made.kill)
        made.start()
        yield made


def _close(pipe: IO[str] | None) -> None:
    if pipe:
        pipe.close()


def environ(run: Run, port: int, home: Path) -> dict[str, str]:
    """What the template would set, and what leads boto3 to the server and nowhere else."""
    url = f"http://127.0.0.1:{port}"
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "BENCH_HOME": str(home),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": OURS,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **COMPLETE,
        "APPROVED_VPC_ENDPOINTS": APPROVED,
        "GUARDED_ACCOUNT": OURS,
        "CHANGES_QUEUE_URL": f"{url}/queue/changes",
        "DIGEST_QUEUE_URL": f"{url}/queue/digest",
        "ALERTS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{OURS}:alerts",
        "LEDGER_TABLE": "ledger",
        "SWEEPS_QUEUE_URL": f"{url}/queue/sweeps",
        "SWEEP_QUOTA_SHARE": str(run.share),
        "SWEEP_WORKERS": str(run.workers),
        "POWERTOOLS_SERVICE_NAME": "kms-perimeter",
        "POWERTOOLS_METRICS_NAMESPACE": "KmsPerimeter",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def sweep(run: Run, tell: Callable[[str], None] = lambda _: None) -> Result:
    """One sweep, from the order until every key is settled and no message is left."""
    with stage(run) as playing:
        time.sleep(2)  # all are up; a cold start is measured elsewhere
        _order(playing)
        killed = run.kill is None
        while not (now := playing.ask("progress"))["listed"] or now["waiting"]:
            playing.check(now["looked at"])
            if not killed and now["looked at"] >= run.keys * (run.kill or 0):
                tell(f"killed after {now['looked at']:,} keys")
                playing.kill()
                playing.ask("power-cut")
                playing.start()
                killed = True
            time.sleep(0.5)
        stats = playing.ask("stats")
        first, last = stats["looks"]
        return Result(run, last - first, stats, playing.memory("on_sweep"), playing.memory("on_key_change"))


def _order(playing: Stage) -> None:
    """What the schedule does."""
    url = playing.environ["SWEEPS_QUEUE_URL"]
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=REGION)  # noqa: S106
    sqs = session.client("sqs", endpoint_url=playing.environ["AWS_ENDPOINT_URL"])
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"sweep": SWEEP}))
