"""The controller of the embedded AWS: starts it as a process of its own, makes clients for it, stops it.

with EmbeddedAws() as aws:
    kms = aws.client("kms", identity="arn:aws:iam::111122223333:role/TerraformPipeline")
    kms.create_key()
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from local.wire import (
    ACCOUNT,
    IDENTITY_HEADER,
    LOSES_EVENT_HEADER,
    MANAGED_KEY_PATH,
    REGION,
    SOURCE_IP_HEADER,
    VPC_ENDPOINT_HEADER,
)

REPOSITORY = Path(__file__).resolve().parent.parent
_SECRET = "nothing-checks-it"  # noqa: S105 - signatures are not verified
_START_SECONDS = 30
_STOP_SECONDS = 5


class EmbeddedAwsError(Exception):
    """The embedded AWS did not start; the message ends with what its log ends with."""


class EmbeddedAws:
    """An AWS of one account on loopback, for as long as the `with` block lasts.

    Attributes:
        account: The account that everything is in.
        region: The Region that clients talk to unless told otherwise.
        state: The only folder that the server writes to; removed at the end if it was made here.
        log: The server's log, for finding out what went wrong.
    """

    def __init__(
        self, state: Path | None = None, *, account: str = ACCOUNT, region: str = REGION, venv: Path | None = None
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            state: Where to keep what the server writes; a temporary folder by default.
            account: The account's ID.
            region: The Region's name.
            venv: ministack's virtual environment; by default `$MINISTACK_VENV`, else `.venvs/ministack`.
        """
        self.account = account
        self.region = region
        self._made_state = state is None
        self.state = state or Path(tempfile.mkdtemp(prefix="kms-perimeter-aws-"))
        self.state.mkdir(parents=True, exist_ok=True)
        self.log = self.state / "aws.log"
        self._venv = venv or Path(os.environ.get("MINISTACK_VENV", REPOSITORY / ".venvs" / "ministack"))
        self._process: subprocess.Popen[str] | None = None
        self._endpoint: str | None = None

    def __enter__(self) -> Self:
        """Start, and wait until it serves."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        self.stop()

    @property
    def endpoint(self) -> str:
        """The URL that every service is at."""
        if self._endpoint is None:
            raise EmbeddedAwsError("the embedded AWS is not running")
        return self._endpoint

    def start(self) -> None:
        """Start the server and wait until it serves.

        Raises:
            EmbeddedAwsError: It ended, or was not ready within half a minute.
        """
        try:
            self._process = self._launch()
            self._endpoint = self._wait_for_endpoint(self._process)
        except BaseException:
            self.stop()
            raise

    def _launch(self) -> "subprocess.Popen[str]":
        python = self._venv / "bin" / "python"
        if not python.exists():
            raise EmbeddedAwsError(f"there is no ministack at `{self._venv}`; `make demo` installs it")
        command = [str(python), "-m", "local.aws", "--state", str(self.state)]
        command += ["--account", self.account, "--region", self.region, "--stop-with-stdin"]
        with self.log.open("w") as log:
            return subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=_clean_environment(self.state),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A group of its own, so that stopping it reaches the functions' processes too.
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop the server and every process that it started; harmless when it is not running."""
        process, self._process, self._endpoint = self._process, None, None
        if process is not None:
            _end(process)
        if self._made_state:
            shutil.rmtree(self.state, ignore_errors=True)

    def tail(self, lines: int = 40) -> str:
        """The last lines of the server's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def environ(self) -> dict[str, str]:
        """The variables that point an AWS tool here and nowhere else: the user's own AWS configuration is not read."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def client(
        self,
        service: str,
        *,
        identity: str | None = None,
        vpc_endpoint: str | None = None,
        source_ip: str | None = None,
        region: str | None = None,
        loses_events: bool = False,
    ) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """A boto3 client of this AWS; it never retries, so that what a test sees is what happened.

        Args:
            service: As boto3 calls it: `kms`, `sqs`.
            identity: The ARN of the IAM user, role or role session that calls. Nothing checks that it exists.
            vpc_endpoint: The VPC endpoint that the calls come over; None: from the internet.
            source_ip: The address that the calls come from.
            region: Another Region than this AWS's own.
            loses_events: Whether the CloudTrail records of the calls get lost, as AWS's delivery is best effort only.
        """
        account = identity.split(":")[4] if identity else self.account
        # The stubs know each service by its literal name, and here it is a variable.
        make: Any = _session(account).client
        client = make(
            service,
            endpoint_url=self.endpoint,
            region_name=region or self.region,
            config=Config(retries={"total_max_attempts": 1}, proxies={}, s3={"addressing_style": "path"}),
        )
        told = {
            IDENTITY_HEADER: identity,
            VPC_ENDPOINT_HEADER: vpc_endpoint,
            SOURCE_IP_HEADER: source_ip,
            LOSES_EVENT_HEADER: "yes" if loses_events else None,
        }
        _add_headers(client, {name: value for name, value in told.items() if value})
        return client

    def seed_managed_key(self, alias: str = "aws/ebs") -> str:
        """Make a key that AWS manages, as the first use of an integrated service does; give its ARN."""
        connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"))
        scope = f"AWS4-HMAC-SHA256 Credential={self.account}/20260101/{self.region}/kms/aws4_request"
        connection.request("POST", MANAGED_KEY_PATH, json.dumps({"alias": alias}), {"Authorization": scope})
        with connection.getresponse() as response:
            answer = json.load(response)
        connection.close()
        return str(answer["Arn"])

    def _wait_for_endpoint(self, process: "subprocess.Popen[str]") -> str:
        line = _read_line(process)
        if not line:
            raise EmbeddedAwsError(f"the embedded AWS did not start:\n{self.tail()}")
        return str(json.loads(line)["endpoint"])


def _clean_environment(state: Path) -> dict[str, str]:
    # Functions inherit the server's variables, so it gets none of the user's but these.
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "HOME": str(state), "PYTHONUNBUFFERED": "1"}


def _read_line(process: "subprocess.Popen[str]") -> str:
    if process.stdout is None:
        return ""
    deadline = time.monotonic() + _START_SECONDS
    os.set_blocking(process.stdout.fileno(), False)
    while time.monotonic() < deadline and process.poll() is None:
        line = process.stdout.readline()
        if line:
            return line
        time.sleep(0.02)
    return ""


def _end(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        # What has not stopped by then is killed below.
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    finally:
        _kill_group(process.pid)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _session(account: str) -> boto3.session.Session:
    nothing = (None, None, os.devnull, None)
    core = botocore.session.Session(
        session_vars={"profile": (None, None, None, None), "config_file": nothing, "credentials_file": nothing}
    )
    # ministack takes an access key of twelve digits as the account to act in.
    return boto3.session.Session(
        aws_access_key_id=account, aws_secret_access_key=_SECRET, region_name=REGION, botocore_session=core
    )


def _add_headers(client: Any, headers: dict[str, str]) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
    def add(request: AWSRequest, **_: object) -> None:
        for name, value in headers.items():
            request.headers[name] = value

    client.meta.events.register("before-sign", add)
