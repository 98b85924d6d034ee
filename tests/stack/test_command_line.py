"""The commands that look at an account, as processes of their own, against the service as deployed."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.stage import Stage

pytestmark = pytest.mark.stack

STACK = ("--stack", "kms-perimeter")


def run(stage: Stage, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`kms-perimeter` with the embedded AWS as its AWS."""
    command = [sys.executable, "-m", "kms_perimeter.cli", *arguments]
    environment = os.environ | stage.aws.environ()
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def printed(stage: Stage, *arguments: str) -> dict[str, Any]:
    """What it prints as JSON."""
    ran = run(stage, *arguments, "--format", "json")
    assert ran.stdout, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_scan_finds_what_the_service_finds(watching: Stage) -> None:
    """An open key is open for the command too, since the time that the ledger has, and the plan would close it."""
    kms = watching.aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    watching.aws.seed_managed_key()
    watching.journal.wait_for("the look at it", key=key)

    fleet = printed(watching, "scan", *STACK, "--plan")

    (found,) = [one for one in fleet["keys"] if one["arn"] == key]
    assert (found["standing"], found["mode"], found["opened"]["event"]) == ("open", "alert", None)
    assert (found["plan"]["changed"], found["plan"]["refused"]) == (True, None)
    assert fleet["skipped"]["aws-managed-key"] >= 1
    assert fleet["counts"]["unreadable"] == 0


def test_init_finds_the_networks(watching: Stage) -> None:
    """The endpoints for KMS that the account has, and their VPCs."""
    ec2 = watching.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{watching.aws.region}.kms", VpcEndpointType="Interface"
    )["VpcEndpoint"]["VpcEndpointId"]

    ran = run(watching, "init", "--out", "-")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"- {endpoint}" in ran.stdout
    assert f"- {vpc}" in ran.stdout


def test_doctor_examines_what_is_deployed(stage: Stage) -> None:
    """Rule, queues, sweep and roles of the real template are found, and only what this AWS lacks is not green."""
    stage.aws.client("kms").create_key()
    stage.sweep()

    report = printed(stage, "doctor", *STACK)

    lights = {about: {s["light"] for s in report["signs"] if s["about"] == about} for about in ("rule", "keys", "mode")}
    assert lights == {"rule": {"green"}, "keys": {"green"}, "mode": {"green"}}
    assert any("can change the policies of" in sign["told"] for sign in report["signs"])
