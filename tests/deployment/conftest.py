"""What the tests of the deployment share: the template, what `sam build` makes of it, the stack with all features."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.decode import decode  # type: ignore[import-untyped]

from local.deploy import build, deploy
from local.embedded import REPOSITORY, EmbeddedAws
from local.slack import Webhook
from tests.deployment import lambda_runtime
from tests.deployment.hub import Hub
from tests.deployment.stack import Code, Stack, functions_of
from tests.unit import clicks

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIMETER = Path(__file__).with_name("perimeter.json")
PARAMETER = "/kms-perimeter/perimeter"


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """template.yaml, with its intrinsic functions in their long form."""
    decoded, problems = decode(str(REPOSITORY / "template.yaml"))
    assert not problems
    whole: dict[str, Any] = json.loads(json.dumps(decoded))
    return whole


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what `sam build` makes of the template."""
    return build(REPOSITORY / "template.yaml", into=tmp_path_factory.mktemp("sam") / "build").parent


@pytest.fixture(scope="session")
def layer(built: Path) -> Path:
    """The built layer's `python/`, which Lambda puts on the path."""
    return built / "KmsPerimeterLayer" / "python"


@pytest.fixture(scope="session")
def code(built: Path, layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Code:
    """The built functions with the built layer and what Lambda's runtime brings along, to be run."""
    if lambda_runtime.emulator() is None:
        pytest.skip("Lambda's runtime interface emulator is not at hand for this machine")
    home = tmp_path_factory.mktemp("lambda")
    functions = functions_of(built)
    folders = {name: properties["CodeUri"] for name, properties in functions.items()}
    placed = tuple(name for name, properties in functions.items() if "VpcConfig" in properties)
    return Code(folders, placed, [layer, lambda_runtime.brought_along(home / "runtime")], home)


@pytest.fixture(scope="session")
def slack() -> Iterator[Webhook]:
    """Slack's end of the wire."""
    with Webhook() as webhook:
        yield webhook


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    """Security Hub's end of the wire."""
    with Hub() as running:
        yield running


@pytest.fixture(scope="session")
def stack(built: Path, code: Code, slack: Webhook, hub: Hub) -> Iterator[Stack]:
    """The stack with every feature on; each test makes its own keys."""
    with EmbeddedAws() as aws:
        aws.client("ssm").put_parameter(Name=PARAMETER, Type="String", Value=PERIMETER.read_text())
        deploy(aws, built / "template.yaml", parameters=every_feature(aws, slack))
        taken = Stack.take(aws, code, slack, hub)
        yield taken
        taken.close()


def every_feature(aws: EmbeddedAws, slack: Webhook) -> dict[str, str]:
    """The template's parameters, so that whatever can be switched on is."""
    secrets = aws.client("secretsmanager")
    webhook = secrets.create_secret(Name="slack-webhook", SecretString=slack.url + "\n")["ARN"]
    signing = secrets.create_secret(Name="slack-signing-secret", SecretString=clicks.SECRET)["ARN"]
    return {
        "Mode": "enforce",
        "FleetRoleName": "Fleet",
        "PerimeterFile": PARAMETER,
        "AlertEmail": "security@example.com",
        "SlackWebhookSecretArn": webhook,
        "SlackSigningSecretArn": signing,
        "SlackApprovers": clicks.ALICE,
        "SlackTeamId": clicks.TEAM,
        "SlackOrigin": slack.url.partition("/services")[0],
        "SecurityHub": "true",
        "CentralBusArn": aws.client("events").create_event_bus(Name="central")["EventBusArn"],
        "SubnetIds": "subnet-0a1b2c3d,subnet-0a1b2c3e",
        "SecurityGroupIds": "sg-0a1b2c3d",
        "GuardVpcId": "vpc-2b2b2b2b",
        "GuardVpcEndpointId": "vpce-1234abcdf5678c90a",
    }
