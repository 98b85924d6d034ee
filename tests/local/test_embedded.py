"""The embedded AWS comes and goes without a trace."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import deploy as sam
from local.embedded import EmbeddedAws, EmbeddedAwsError
from tests.local.probe_stack import until

_FUNCTION = """
import os, subprocess, sys
def handle(event, context):
    return {"pid": os.getpid(), "environment": dict(os.environ)}
"""


def _deploy_function(aws: EmbeddedAws, folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(_FUNCTION)
    template = folder / "template.yaml"
    template.write_text(
        """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: fn, Runtime: python3.13, Handler: handler.handle, CodeUri: code}
"""
    )
    sam.deploy(aws, template, stack="one")


def _is_running(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_leaves_nothing_running_and_nothing_behind(tmp_path: Path) -> None:
    """After the block the server, its port, the functions' processes and the state folder are gone."""
    with EmbeddedAws() as aws:
        _deploy_function(aws, tmp_path)
        answer = aws.client("lambda").invoke(FunctionName="fn", Payload=b"{}")["Payload"].read().decode()
        pid = int(answer.split('"pid": ')[1].split(",")[0])
        port, state = int(aws.endpoint.rsplit(":", 1)[1]), aws.state
        assert _is_running(pid)

    assert not until(lambda: _is_running(pid), seconds=0)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not state.exists()


def test_a_function_sees_aws_and_nothing_of_the_user(tmp_path: Path) -> None:
    """Functions get the endpoint and their Region; what the user's shell holds stays out."""
    os.environ["SECRET_OF_THE_USER"] = "x"
    try:
        with EmbeddedAws() as aws:
            _deploy_function(aws, tmp_path)
            answer = aws.client("lambda").invoke(FunctionName="fn", Payload=b"{}")["Payload"].read().decode()
            assert f'"AWS_ENDPOINT_URL": "{aws.endpoint}"' in answer
    finally:
        del os.environ["SECRET_OF_THE_USER"]

    assert '"AWS_REGION": "us-east-1"' in answer
    assert "SECRET_OF_THE_USER" not in answer


def test_ends_with_its_parent(tmp_path: Path) -> None:
    """A server whose parent is killed sees the end of its standard input and goes too."""
    script = f"""
import sys, time
from pathlib import Path
from local.embedded import EmbeddedAws
aws = EmbeddedAws(Path({str(tmp_path)!r}))
aws.start()
print(aws._process.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen(["python3", "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    assert _is_running(server)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 5
    while _is_running(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(server)


def test_several_run_side_by_side(aws: EmbeddedAws) -> None:
    """Each has its own port and its own keys."""
    with EmbeddedAws() as other:
        key = other.client("kms").create_key()["KeyMetadata"]["KeyId"]

        assert other.endpoint != aws.endpoint
        with pytest.raises(aws.client("kms").exceptions.ClientError, match="NotFoundException"):
            aws.client("kms").describe_key(KeyId=key)


def test_listens_on_loopback_only(aws: EmbeddedAws) -> None:
    """No other machine can reach it."""
    port = int(aws.endpoint.rsplit(":", 1)[1])
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    listening = {line[1].split(":")[0] for line in lines if line[3] == "0A" and int(line[1].split(":")[1], 16) == port}

    assert listening == {"0100007F"}


def test_says_why_it_did_not_start(tmp_path: Path) -> None:
    """A server that cannot start is an error with the end of its log, not a time-out."""
    broken = tmp_path / "venv" / "bin"
    broken.mkdir(parents=True)
    (broken / "python").write_text("#!/bin/sh\necho no ministack here >&2\nexit 1\n")
    (broken / "python").chmod(0o755)

    with pytest.raises(EmbeddedAwsError, match="no ministack here"):
        EmbeddedAws(tmp_path / "state", venv=tmp_path / "venv").start()


def test_says_what_is_not_installed(aws: EmbeddedAws, tmp_path: Path) -> None:
    """Without its virtual environments it names the command that makes them."""
    with pytest.raises(EmbeddedAwsError, match="make demo"):
        EmbeddedAws(tmp_path / "state", venv=tmp_path / "none").start()
    with pytest.raises(sam.SamFailedError, match="make demo"):
        sam.deploy(aws, tmp_path / "template.yaml", venv=tmp_path / "none")


@contextmanager
def heeding_interrupts() -> Iterator[None]:
    """Interrupts raise, also where whoever has started the tests in the background has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_stopping_a_build_stops_what_sam_started(tmp_path: Path) -> None:
    """An interrupted `sam` takes along the processes that it has started."""
    program = tmp_path / "bin" / "sam"
    program.parent.mkdir()
    # The pause lets the caller get as far as waiting, which is where a person interrupts it.
    script = f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/child\nsleep 0.5\nkill -INT {os.getpid()}\nwait\n"
    program.write_text(script)
    program.chmod(0o755)

    with heeding_interrupts(), pytest.raises(KeyboardInterrupt):
        sam.build(tmp_path / "template.yaml", venv=tmp_path)

    child = int((tmp_path / "child").read_text())
    assert until(lambda: not _is_running(child))


def test_says_why_a_deployment_failed(aws: EmbeddedAws, tmp_path: Path) -> None:
    """A template that `sam` refuses is an error with what `sam` said."""
    template = tmp_path / "template.yaml"
    template.write_text("Resources: {Bad: {Type: AWS::Nothing::Here}}\n")

    with pytest.raises(sam.SamFailedError, match="sam deploy"):
        sam.deploy(aws, template, stack="bad")
