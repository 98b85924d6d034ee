"""A perimeter file is looked at when the stack is deployed, not when the first key is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.deploy import SamFailedError, deploy
from local.embedded import EmbeddedAws

pytestmark = pytest.mark.stack
NAME = "/kms-perimeter/perimeter"
RULE = {"name": "use", "operations": ["cryptographic"], "vpcs": ["vpc-2b2b2b2b"]}
PARAMETERS = {"Mode": "alert", "PerimeterFile": NAME}


def perimeter_file(**rule: object) -> str:
    """A perimeter file with one rule, with changes."""
    return json.dumps({"version": 1, "perimeters": [{"name": "default", "rules": [RULE | rule]}]})


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    """An embedded AWS of its own."""
    with EmbeddedAws() as embedded:
        yield embedded


def keep(aws: EmbeddedAws, text: str) -> None:
    """Puts a perimeter file into Parameter Store."""
    aws.client("ssm").put_parameter(Name=NAME, Type="String", Value=text, Overwrite=True)


def test_a_wrong_perimeter_file_fails_the_deployment(aws: EmbeddedAws, built: Path) -> None:
    """The stack's events say what is wrong and where, down to line and column."""
    keep(aws, perimeter_file(operations=["cryptographi"]))

    with pytest.raises(SamFailedError):
        deploy(aws, built / "template.yaml", parameters=PARAMETERS)

    events = aws.client("cloudformation").describe_stack_events(StackName="kms-perimeter")["StackEvents"]
    (reason,) = {event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"}
    assert "the perimeter file is wrong: perimeters[0].rules[0].operations[0], line 1, column " in reason
    assert "did you mean `cryptographic`?" in reason


def test_a_perimeter_file_rules_instead_of_the_parameters(aws: EmbeddedAws, built: Path) -> None:
    """A stack without approved endpoints or VPCs judges by its perimeter file."""
    keep(aws, perimeter_file())

    outputs = deploy(aws, built / "template.yaml", parameters=PARAMETERS)
    event = {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": swept(aws)}]}
    answer = aws.client("lambda").invoke(FunctionName=outputs["OnKeyChangeFunction"], Payload=json.dumps(event))

    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
    items = aws.client("dynamodb").scan(TableName=outputs["LedgerTable"])["Items"]
    assert {"default"} == {item["perimeter"]["S"] for item in items if "perimeter" in item}


def swept(aws: EmbeddedAws) -> str:
    """A sweep's message with a new key, which no event tells of."""
    arn = aws.client("kms", loses_events=True).create_key()["KeyMetadata"]["Arn"]
    return json.dumps({"sweep": {"id": "sweep-1", "started_at": "2026-11-24T12:00:00+00:00", "keys": [arn]}})
