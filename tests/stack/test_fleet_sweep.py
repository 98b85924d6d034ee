"""The state machine that has the deployments in many accounts and Regions sweep, on the embedded AWS.

The embedded AWS has one account here, and it has a Distributed Map, but ignores `ItemBatcher` and `ResultWriter`; the
machine uses neither.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.embedded import REPOSITORY
from local.stage import Stage, about, deployed
from local.stage.patience import until

pytestmark = pytest.mark.stack
ROLE = "KmsPerimeterFleet"
PATIENCE = 150.0  # seconds: a sweep counts as finished a minute after its last key, if its queue is empty then


@pytest.fixture(scope="module")
def central() -> Iterator[Stage]:
    """A deployment with the state machine, in an account that has the fleet's role too."""
    with deployed("alert", also={"FleetRoleName": ROLE}) as running:
        role = (REPOSITORY / "docs" / "examples" / "fleet-role.yaml").read_text()
        given = [{"ParameterKey": "CentralAccount", "ParameterValue": running.aws.account}]
        running.aws.client("cloudformation").create_stack(StackName="role", TemplateBody=role, Parameters=given)
        yield running


def run(stage: Stage, sweep: str, *regions: str) -> dict[str, Any]:
    """Has the deployments in these Regions of the account sweep; the state machine's execution, once it has ended."""
    states = stage.aws.client("stepfunctions")
    asked = {"sweep": sweep, "places": [{"account": stage.aws.account, "region": region} for region in regions]}
    machine = stage.outputs["FleetSweepStateMachine"]
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(asked))["executionArn"]

    def ended() -> dict[str, Any] | None:
        told: dict[str, Any] = states.describe_execution(executionArn=started)
        return told if told["status"] != "RUNNING" else None

    return until(ended, "the end of the fleet's sweep", stage.journal.tail, PATIENCE)


def test_every_deployment_sweeps_and_the_machine_waits_for_it(central: Stage) -> None:
    """One order, and each deployment looks at its own keys at its own account's rate."""
    key = central.aws.client("kms", loses_events=True).create_key()["KeyMetadata"]["Arn"]

    ended = run(central, "fleet-1", "us-east-1")

    assert ended["status"] == "SUCCEEDED", ended
    (place,) = json.loads(ended["output"])["places"]
    assert (place["account"], place["region"]) == (central.aws.account, "us-east-1")
    assert place["sweep"] == "fleet-1"
    assert place["finished"] is True
    central.alerts.wait_for(about(key, "alert"), "the alert about the key that the sweep found")


def test_a_place_without_a_deployment_is_named(central: Stage) -> None:
    """The others are swept all the same, and the execution fails, which an alarm tells."""
    key = central.aws.client("kms", loses_events=True).create_key()["KeyMetadata"]["Arn"]

    ended = run(central, "fleet-2", "eu-west-1", "us-east-1")

    assert (ended["status"], ended["error"]) == ("FAILED", "PlaceWasNotSwept")
    assert "there is no stack `kms-perimeter` in eu-west-1" in ended["cause"]
    central.alerts.wait_for(about(key, "alert"), "the alert about the key that the sweep found")
