"""Lambda on this machine: a built function and its layer under Lambda's own runtime interface emulator.

The emulator is the one inside the AWS SAM CLI, the runtime interface client is AWS's `awslambdaric`. The interpreter
sees the standard library, what Lambda's Python runtime brings along (boto3 and its dependencies), the layer and the
function's folder, and nothing else: a dependency that the layer lacks is missing here as it would be there.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local.embedded import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

BROUGHT_ALONG = (
    "awslambdaric",
    "simplejson",
    "snapshot-restore-py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)
EMULATORS = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
SECONDS = 30


def emulator() -> Path | None:
    """The emulator's program, or None where there is none for this machine."""
    sam = Path(os.environ.get("SAM_VENV", REPOSITORY / ".venvs" / "sam"))
    name = EMULATORS.get(platform.machine()) if platform.system() == "Linux" else None
    found = sam.glob(f"lib/python3*/site-packages/samcli/local/rapid/{name}") if name else iter(())
    return next(found, None)


def brought_along(into: Path) -> Path:
    """A folder with what Lambda's runtime brings along, as links to what is installed here."""
    into.mkdir()
    for name in BROUGHT_ALONG:
        installed = distribution(name)
        for top in {file.parts[0] for file in installed.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (into / top).symlink_to(Path(str(installed.locate_file(top))).resolve())
    return into


class Function:
    """A running execution environment of one function.

    Args:
        folder: the function's folder.
        path: further folders to import from, in order: the layer, the runtime.
        environ: the function's environment variables.
        home: a folder for what the emulator needs, for the log and for the notes of calls, run after run.
        seconds: the function's timeout.
    """

    def __init__(
        self, folder: Path, path: list[Path], environ: Mapping[str, str], home: Path, *, seconds: int = SECONDS
    ) -> None:
        self._folder = folder
        self._path = [str(folder), *map(str, path)]
        self._environ = environ
        self._home = home
        self._seconds = seconds
        self._calls = home / f"{folder.name}.calls"
        self.log = home / f"{folder.name}.log"

    def __enter__(self) -> Self:
        """Starts it; the first invocation is the cold start."""
        self._port = _free_port()
        program = self._home / "rie"
        if not program.exists():
            program.write_bytes(_needed_emulator().read_bytes())
            program.chmod(0o755)
        listening = ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        listening += ["--runtime-api-address", f"127.0.0.1:{_free_port()}"]
        told = {
            "LAMBDA_TASK_ROOT": str(self._folder),
            "_HANDLER": "handler.handle",
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_FUNCTION_NAME": self._folder.name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self._seconds),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), *listening, *self.command()],
                env={**told, **self._environ},
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _wait_for(self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it and all that it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __call__(self, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the function answers
        """Invokes the function and returns its answer, which for an error has `errorType` and `errorMessage`.

        A function that did not answer in time gives the emulator's own words, which are no JSON.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2 * SECONDS)
        connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
        said = connection.getresponse().read().decode()
        try:
            return json.loads(said or "null")
        except ValueError:
            return said

    def command(self) -> list[str]:
        """What the emulator starts: an interpreter that sees only what Lambda's would."""
        return [sys.executable, "-B", "-I", "-S", str(BOOTSTRAP), json.dumps(self._path), str(self._calls)]

    def kill(self) -> None:
        """Does what the kernel does to a function that needs more memory than it has."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        (runtime,) = (child for thread in threads for child in thread.read_text().split())
        os.kill(int(runtime), signal.SIGKILL)

    def calls(self) -> list[dict[str, Any]]:
        """The AWS calls that it has made until now, in order."""
        return [json.loads(line) for line in self._calls.read_text().splitlines()] if self._calls.exists() else []


def _needed_emulator() -> Path:
    if found := emulator():
        return found
    message = "Lambda's runtime interface emulator is not at hand"
    raise FileNotFoundError(message)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(SECONDS * 20):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"nothing listens on port {port}"
    raise TimeoutError(message)
