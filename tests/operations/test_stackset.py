"""The template for a rollout: what StackSets take, with everything that template.yaml has."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from local.deploy import build
from local.embedded import REPOSITORY, EmbeddedAws
from tests.deployment.stack import sqs_record
from tests.operations.conftest import read

BY_URL, PER_BUCKET = 1_000_000, "code"


@dataclass(frozen=True)
class Made:
    """What `make stackset` leaves.

    Attributes:
        folder: where.
        template: the template.
        archives: the archives by their names.
    """

    folder: Path
    template: dict[str, Any]
    archives: dict[str, bytes]

    @classmethod
    def of(cls, built: Path, folder: Path) -> Self:
        """What is made of a built template, by the SAM CLI's own interpreter."""
        python = Path(os.environ.get("SAM_VENV", REPOSITORY / ".venvs" / "sam")) / "bin" / "python"
        subprocess.run([python, "-m", "local.stackset", built, folder], cwd=REPOSITORY, check=True)
        archives = {path.name: path.read_bytes() for path in (folder / "code").iterdir()}
        return cls(folder, json.loads((folder / "template.json").read_text()), archives)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sam build` leaves."""
    return build(REPOSITORY / "template.yaml", into=tmp_path_factory.mktemp("sam") / "build").parent


@pytest.fixture(scope="module")
def made(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What is made of the built template."""
    return Made.of(built, tmp_path_factory.mktemp("stackset"))


def deploying() -> dict[str, Any]:
    """stackset.yaml."""
    return read("stackset.yaml")


def test_the_template_needs_no_transform(made: Made) -> None:
    """StackSets' own role runs none; the linter finds plain CloudFormation without a fault, and it is not too long."""
    linter = Path(sys.executable).with_name("cfn-lint")
    told = subprocess.run(
        [linter, "--non-zero-exit-code", "error", made.folder / "template.json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (told.returncode, "Transform" in made.template) == (0, False), told.stdout
    assert "us-east-1" not in json.dumps(made.template["Resources"])
    assert not [r["Type"] for r in made.template["Resources"].values() if "Serverless" in r["Type"]]
    assert (made.folder / "template.json").stat().st_size < BY_URL


def test_every_function_has_its_archive_in_its_own_region(made: Made) -> None:
    """Lambda takes code from no other Region."""
    codes = [
        resource["Properties"].get("Code", resource["Properties"].get("Content"))
        for resource in made.template["Resources"].values()
        if resource["Type"] in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
    ]

    assert {code["S3Key"] for code in codes} == set(made.archives)
    assert all(code["S3Bucket"] == {"Fn::Sub": "${CodeBuckets}-${AWS::Region}"} for code in codes)


def test_the_same_sources_make_the_same_archives(built: Path, made: Made, tmp_path: Path) -> None:
    """Whatever the times of the files, so that an update changes what has changed."""
    for path in built.rglob("*.py"):
        path.touch()

    assert Made.of(built, tmp_path).archives.keys() == made.archives.keys()


@pytest.mark.stack
def test_the_template_can_be_deployed_as_it_is(made: Made) -> None:
    """By CloudFormation alone, with the archives in a bucket; the service then runs."""
    with EmbeddedAws() as aws:
        s3, formation = aws.client("s3"), aws.client("cloudformation")
        s3.create_bucket(Bucket=f"{PER_BUCKET}-{aws.region}")
        for name, archive in made.archives.items():
            s3.put_object(Bucket=f"{PER_BUCKET}-{aws.region}", Key=name, Body=archive)
        s3.put_object(Bucket=f"{PER_BUCKET}-{aws.region}", Key="template.json", Body=json.dumps(made.template).encode())
        given = {"CodeBuckets": PER_BUCKET, "ApprovedVpcEndpoints": "vpce-0a1b2c3d4e5f60718", "Dashboard": "false"}
        formation.create_stack(
            StackName="member",
            TemplateURL=f"{aws.endpoint}/{PER_BUCKET}-{aws.region}/template.json",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        formation.get_waiter("stack_create_complete").wait(StackName="member", WaiterConfig={"Delay": 1})
        outputs = formation.describe_stacks(StackName="member")["Stacks"][0]["Outputs"]
        named = {one["OutputKey"]: one["OutputValue"] for one in outputs}
        message = {"MessageId": "1", "Body": "[]", "MD5OfBody": "", "ReceiptHandle": "1"}
        event = {"Records": [sqs_record(message, named["ChangesQueueUrl"])]}
        ran = aws.client("lambda").invoke(FunctionName=named["OnKeyChangeFunction"], Payload=json.dumps(event))
        answer = json.loads(ran["Payload"].read())

    assert answer == {"batchItemFailures": []}


def test_the_stack_set_gives_parameters_that_the_template_has(made: Made) -> None:
    """Each parameter and each override is one of the template; an account that joins is only watched."""
    properties = deploying()["Resources"]["Accounts"]["Properties"]
    given = {one["ParameterKey"]: one["ParameterValue"] for one in properties["Parameters"]}
    groups = [group["Fn::If"][1] for group in properties["StackInstancesGroup"]]
    overrides = [one for group in groups for one in group.get("ParameterOverrides", ())]

    assert set(given) <= set(made.template["Parameters"])
    assert given["Mode"] == "alert"
    assert [one["ParameterValue"] for one in overrides] == ["approve", "enforce"]
    assert deploying()["Parameters"]["Concurrency"]["Default"] == "shared"  # Lambda reserves none in a new account
    assert properties["PermissionModel"] == "SERVICE_MANAGED"
    assert {name for name, p in made.template["Parameters"].items() if "Default" not in p} <= set(given)
