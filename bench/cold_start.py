"""`python -m bench.cold_start`: how long each built function takes to start, beside a bare one with one client for KMS.

Each starts in a fresh process under AWS's runtime interface client, with its own folder, the built layer and what
Lambda's runtime brings along; all take turns, so that all meet the same machine. The layer gets byte code of this
interpreter, as `sam build` gives it byte code of the runtime's own. AWS is the server of `bench.sweep`.
"""

from __future__ import annotations

import compileall
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import table
from bench.runtime_api import ColdStart, cold_start
from bench.sweep.kms import ARN
from local.deploy import build
from local.embedded import REPOSITORY
from tests.deployment.lambda_runtime import brought_along
from tests.unit.test_settings import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROUNDS = 15
BARE = 'a bare function with `boto3.client("kms")`'
HANDLER = """import boto3
kms = boto3.client("kms")
def handle(event, context):
    return kms.get_key_policy(KeyId=event["key"])["Policy"]
"""
START = """import runpy, sys
sys.path[:0] = {path!r}
sys.argv[1:] = ["handler.handle"]
runpy.run_module("awslambdaric", run_name="__main__")
"""
ANSWERS = {"on_key_change": {"batchItemFailures": []}, "on_slack": {"statusCode": 401}}
"""What those answer that do something; another answer would be of something else than what is measured."""
FIRST = 10  # of the server's keys the first that is enclosed, as most are in a sweep


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as scratch, aws() as endpoint:
        functions, path = prepared(Path(scratch))
        found: dict[str, list[ColdStart]] = {name: [] for name in functions}
        for turn in range(ROUNDS + 1):
            for name, folder in functions.items():
                took = start(folder, path, event_for(name, turn), endpoint)
                if took.answer != ANSWERS.get(name, took.answer):
                    raise ValueError(f"{name} answers {took.answer}")
                found[name] += [took] if turn else []  # the first turn fills the caches
    rows = [_row(name, starts, found[BARE]) for name, starts in found.items()]
    head = ("", "imported", "ratio", "first event answered", "ratio")
    sys.stdout.write("\n".join(["### Cold start, milliseconds", "", *table.lines(head, rows), ""]))


def event_for(name: str, turn: int) -> dict[str, Any]:
    """What a function is to do: judge one key that it has never seen, or read its policy, or nothing."""
    key = f"{ARN}{FIRST + turn:08}"
    swept = {"sweep": {"id": "1", "started_at": "2026-11-24T12:00:00+00:00", "keys": [key]}}
    records = [{"messageId": "1", "eventSource": "aws:sqs", "body": json.dumps(swept)}]
    return {"key": key, "Records": records if name == "on_key_change" else []}


@contextmanager
def aws() -> Iterator[str]:
    """A server that plays AWS; its address."""
    command = [sys.executable, "-m", "bench.sweep.server", str(FIRST + ROUNDS + 1), "1", "360"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield f"http://127.0.0.1:{server.stdout.readline().strip() if server.stdout else ''}"
        server.communicate()


def prepared(scratch: Path) -> tuple[dict[str, Path], list[Path]]:
    """The folders of the functions, the bare one first, and what else is on their path."""
    built = build(REPOSITORY / "template.yaml", into=scratch / "build").parent
    shutil.copytree(built / "KmsPerimeterLayer" / "python", scratch / "layer")
    shutil.copytree(REPOSITORY / "functions", scratch / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    (scratch / "functions" / "bare").mkdir()
    (scratch / "functions" / "bare" / "handler.py").write_text(HANDLER)
    compileall.compile_dir(scratch / "layer", quiet=2)
    names = sorted(folder.name for folder in (scratch / "functions").iterdir() if folder.name != "bare")
    functions = {BARE: scratch / "functions" / "bare"} | {name: scratch / "functions" / name for name in names}
    return functions, [scratch / "layer", brought_along(scratch / "runtime")]


def start(folder: Path, path: list[Path], event: Mapping[str, Any], endpoint: str) -> ColdStart:
    """One cold start of one function."""
    code = START.format(path=[str(folder), *map(str, path)])
    environ = {**COMPLETE, "SLACK_SIGNING_SECRET_ARN": "secret", "ANSWERS_QUEUE_URL": COMPLETE["CHANGES_QUEUE_URL"]}
    environ |= {"POWERTOOLS_METRICS_NAMESPACE": "KmsPerimeter", "POWERTOOLS_SERVICE_NAME": "kms-perimeter"}
    environ |= {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint}
    environ |= {"AWS_ACCESS_KEY_ID": "1", "AWS_SECRET_ACCESS_KEY": "1"}
    environ |= {"LAMBDA_TASK_ROOT": str(folder), "_HANDLER": "handler.handle", "AWS_LAMBDA_FUNCTION_NAME": folder.name}
    return cold_start([sys.executable, "-B", "-I", "-S", "-c", code], environ, event)


def _row(name: str, starts: list[ColdStart], bare: list[ColdStart]) -> tuple[str, ...]:
    imported, answered = [s.initialised for s in starts], [s.answered for s in starts]
    of_bare = [s.initialised for s in bare], [s.answered for s in bare]
    return (
        name if name == BARE else f"`{name}`",
        table.ms(median(imported)),
        table.ratio(imported, of_bare[0]),
        table.ms(median(answered)),
        table.ratio(answered, of_bare[1]),
    )


if __name__ == "__main__":
    main()
