"""What was given up comes back by `kms-perimeter redrive`, run as an operator runs it against the deployed stack."""

import json
import os
import subprocess
import sys

import pytest

from local.stage import Stage, about

pytestmark = pytest.mark.stack


def redrive(stage: Stage, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the command against the stage's AWS."""
    command = [sys.executable, "-m", "kms_perimeter.cli", "redrive", *options]
    environ = {**stage.aws.environ(), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_a_key_that_was_given_up_is_judged_after_all(stage: Stage) -> None:
    """The dead letter is shown, then sent back, and the key that it is about is closed."""
    key = stage.aws.client("kms", loses_events=True).create_key()["KeyMetadata"]["Arn"]
    swept = {"sweep": {"id": "given-up", "started_at": "2026-05-01T00:00:00+00:00", "keys": [key]}}
    url = stage.outputs["ChangesDeadLettersUrl"]
    stage.aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(swept))

    shown = redrive(stage)
    sent = redrive(stage, "--queue", "changes", "--send")

    stage.alerts.wait_for(about(key, "remediated"), "the report about the key")
    assert (shown.returncode, sent.returncode) == (1, 0)
    assert f"changes: given up: a sweep's look at 1 keys, from {key}" in shown.stdout
    assert "changes: sent back" in sent.stdout


def test_a_sweep_that_failed_runs_after_all(stage: Stage) -> None:
    """What Lambda leaves of a failed call is called again."""
    arn = stage.aws.client("lambda").get_function(FunctionName=stage.outputs["OnSweepFunction"])
    context = {"functionArn": arn["Configuration"]["FunctionArn"], "condition": "RetriesExhausted"}
    letter = {"requestContext": context, "requestPayload": {}, "responsePayload": {"errorMessage": "Rate exceeded"}}
    url, before = stage.outputs["FailedInvocationsUrl"], len(stage.journal.sweeps())
    stage.aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(letter))

    sent = redrive(stage, "--queue", "invocations", "--send")

    assert (sent.returncode, "RetriesExhausted: Rate exceeded" in sent.stdout) == (0, True), sent.stderr
    stage.wait_for_sweep(before)
