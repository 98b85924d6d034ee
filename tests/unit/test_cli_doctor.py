"""`kms-perimeter doctor`: whether the service can do its work in an account, and what to do where it cannot."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kms_perimeter import perimeter
from kms_perimeter.aws.deployment import Deployment
from kms_perimeter.aws.networks import Endpoint
from kms_perimeter.aws.trails import Trail
from kms_perimeter.cli.examination import networks, service, trail
from kms_perimeter.cli.examination.keys import CHANGE, READ, Role, may
from kms_perimeter.cli.examination.sign import Light, Sign
from kms_perimeter.perimeter import Mode, PolicyException
from kms_perimeter.policy import document
from kms_perimeter.policy.key import Key
from tests.unit.account import NOON, OPEN, closed
from tests.unit.command import run
from tests.unit.refusing import refused
from tests.unit.terminal import OURS, REGION, Terminal

STACK = ("--stack", "kms-perimeter")
KMS = "kms.amazonaws.com"
MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


def advanced(*fields: dict[str, Any]) -> Trail:
    """A trail that logs, with one advanced event selector."""
    return Trail("trail", True, advanced=[{"FieldSelectors": [MANAGEMENT, *fields]}])  # noqa: FBT003


def basic(**selector: Any) -> Trail:  # noqa: ANN401 - JSON
    """A trail that logs, with one event selector."""
    return Trail("trail", True, basic=[selector])  # noqa: FBT003


@pytest.mark.parametrize(
    ("trails", "light", "said"),
    [
        ((), Light.RED, "no trail is for us-east-1"),
        ((Trail("trail", False),), Light.RED, "does not log"),  # noqa: FBT003
        ((Trail("trail", None),), Light.YELLOW, "cannot be seen from here"),
        ((Trail("trail", True),), Light.GREEN, "logs the management events of KMS"),  # noqa: FBT003
        ((basic(ReadWriteType="WriteOnly"),), Light.GREEN, "logs the management"),
        ((basic(ReadWriteType="ReadOnly"),), Light.RED, "does not log KMS events"),
        ((basic(IncludeManagementEvents=False),), Light.RED, "does not log KMS events"),
        ((basic(ExcludeManagementEventSources=[KMS]),), Light.RED, "excludes KMS events"),
        ((basic(ExcludeManagementEventSources=["rdsdata.amazonaws.com"]),), Light.GREEN, "logs"),
        ((advanced(),), Light.GREEN, "logs"),
        ((advanced({"Field": "readOnly", "Equals": ["false"]}),), Light.GREEN, "logs"),
        ((advanced({"Field": "readOnly", "Equals": ["true"]}),), Light.RED, "does not log KMS events"),
        ((advanced({"Field": "eventSource", "NotEquals": [KMS]}),), Light.RED, "excludes KMS events"),
        ((advanced({"Field": "eventName", "NotEquals": ["CreateGrant"]}),), Light.RED, "does not log CreateGrant"),
        ((advanced({"Field": "eventName", "NotStartsWith": ["Get", "List"]}),), Light.GREEN, "logs"),
        ((advanced({"Field": "userIdentity.arn", "NotEndsWith": ["x"]}),), Light.YELLOW, "only CloudTrail knows"),
        ((Trail("off", False), Trail("trail", True)), Light.GREEN, "`trail` logs"),  # noqa: FBT003
    ],
)
def test_one_trail_must_log_what_is_watched(trails: tuple[Trail, ...], light: Light, said: str) -> None:
    """One trail that logs every watched call is enough; one that excludes KMS makes the service blind."""
    sign = trail.examine(trails, REGION)

    assert (sign.light, said in sign.told, bool(sign.todo)) == (light, True, light is not Light.GREEN)


FINE = Endpoint("vpce-0a1b2c3d", "vpc-0a1b2c3d", f"com.amazonaws.{REGION}.kms", "available", True, "main")  # noqa: FBT003


@pytest.mark.parametrize(
    ("endpoint", "light", "said"),
    [
        (FINE, Light.GREEN, "endpoint `vpce-0a1b2c3d` (`main`) serves KMS with private DNS"),
        (replace(FINE, service=f"com.amazonaws.{REGION}.kms-fips"), Light.GREEN, "serves KMS"),
        (replace(FINE, private_dns=False), Light.YELLOW, "has no private DNS"),
        (replace(FINE, state="pendingacceptance"), Light.RED, "is pendingacceptance"),
        (replace(FINE, service=f"com.amazonaws.{REGION}.sqs"), Light.RED, "no request to KMS comes through it"),
        (None, Light.YELLOW, "is not in this account and us-east-1"),
    ],
)
def test_an_approved_endpoint_must_serve_kms(endpoint: Endpoint | None, light: Light, said: str) -> None:
    """An endpoint that exists, is for KMS, is available and has private DNS is green."""
    sign = networks._endpoint("vpce-0a1b2c3d", endpoint, REGION)  # noqa: SLF001 - the rule itself

    assert (sign.light, said in sign.told) == (light, True)


def test_networks_are_looked_up(terminal: Terminal) -> None:
    """Endpoints and VPCs are found by their IDs; where none leads to KMS, closing a key would cut everybody off."""
    served, bare = terminal.vpc(), terminal.vpc()
    endpoint = terminal.endpoint(served)
    other, client = terminal.endpoint(bare, service="sqs"), terminal.client("ec2")

    good = list(networks.examine(client, perimeter.simple([endpoint], [served, bare])))
    bad = list(networks.examine(client, perimeter.simple([other], ["vpc-2b2b2b2b"])))

    assert [sign.light for sign in good] == [Light.GREEN, Light.GREEN, Light.YELLOW]
    assert [sign.light for sign in bad] == [Light.RED, Light.RED, Light.RED]
    assert bad[1].told == "`vpc-2b2b2b2b` is an ID from documentation"
    assert bad[2].told.startswith("no approved network leads to KMS in us-east-1")


def test_the_role_of_the_guard_must_be_let_in() -> None:
    """A key policy that only admits its VPC keeps a function outside every VPC out, whatever its IAM policy says."""
    key = Key(OURS, REGION, "1234abcd-12ab-34cd-56ef-1234567890ab")
    strict = json.loads(OPEN)
    strict["Statement"][0]["Condition"] = {"StringEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}
    reads = {**strict["Statement"][0], "Action": list(READ)}
    del reads["Condition"]
    half = {**strict, "Statement": [*strict["Statement"], reads]}
    policies = [OPEN, closed(), json.dumps(strict), json.dumps(half)]

    answers = [
        [
            may(Role(f"arn:aws:iam::{OURS}:role/guard", actions), key, document.parse(policy))
            for actions in (READ, CHANGE)
        ]
        for policy in policies
    ]

    assert answers == [[True, True], [True, True], [False, False], [True, False]]


def test_a_mode_that_the_deployment_does_not_allow_is_told() -> None:
    """A perimeter that asks for more than is deployed would be waited for in vain."""
    deployment = Deployment("kms-perimeter", "aws", OURS, REGION, {}, {"Mode": "approve"})
    signs = [
        sign
        for mode in (Mode.ALERT, Mode.APPROVE, Mode.ENFORCE)
        for sign in service.modes(perimeter.simple((), ("vpc-0a1b2c3d",), mode), deployment)
    ]

    assert [sign.light for sign in signs] == [Light.GREEN, Light.GREEN, Light.YELLOW]
    assert signs[2].told == "perimeter `default` asks for enforce, the deployment does approve at most"


def test_an_expired_exception_is_told() -> None:
    """Nobody answers for the key any more."""
    exception = PolicyException(f"arn:aws:kms:{REGION}:{OURS}:key/k", "r", "team-x", date(2026, 11, 23))
    file = replace(perimeter.simple((), ("vpc-0a1b2c3d",)), exceptions=(exception,))

    (sign,) = service.exceptions(file, NOON)

    assert (sign.light, "expired" in sign.told) == (Light.YELLOW, True)


@pytest.fixture
def deployed(terminal: Terminal) -> Terminal:
    """An account in which all is well: a trail, an endpoint, a key, a deployment that has swept."""
    terminal.client("s3").create_bucket(Bucket="trails")
    cloudtrail = terminal.client("cloudtrail")
    cloudtrail.create_trail(Name="management", S3BucketName="trails", IsMultiRegionTrail=True)
    cloudtrail.start_logging(Name="management")
    terminal.key(OPEN)
    endpoint = terminal.endpoint(terminal.vpc())
    template = (Path(__file__).parent / "deployment" / "stack.yaml").read_text()
    given = [{"ParameterKey": "ApprovedVpcEndpoints", "ParameterValue": endpoint}]
    terminal.client("cloudformation").create_stack(StackName=STACK[1], TemplateBody=template, Parameters=given)
    point = {"MetricName": "Sweeps", "Value": 1, "Timestamp": datetime.now(UTC) - timedelta(minutes=2)}
    dimensions = [{"Name": "service", "Value": "kms-perimeter"}]
    terminal.client("cloudwatch").put_metric_data(
        Namespace="KmsPerimeter", MetricData=[{**point, "Dimensions": dimensions}]
    )
    return terminal


def lights(terminal: Terminal) -> dict[str, list[str]]:
    """What `doctor` says about each part."""
    printed = terminal.run("doctor", *STACK, "--format", "json").json
    found: dict[str, list[str]] = {}
    for sign in printed["signs"]:
        found.setdefault(sign["about"], []).append(sign["light"])
    return found


def test_a_deployment_at_work_is_green(deployed: Terminal) -> None:
    """Trail, networks, mode, rule, queues, sweep and roles, each is told."""
    ran = deployed.run("doctor", *STACK)

    assert (ran.status, ran.err) == (0, ""), ran.out
    assert "green  trail: trail `management` logs the management events of KMS in us-east-1" in ran.out
    assert "can change the policies of 1 of 1 keys" in ran.out
    assert ran.out.splitlines()[-1] == "in all: 0 red, 0 yellow, 9 green"


def test_what_is_broken_is_red_with_what_to_do(deployed: Terminal) -> None:
    """A rule that is disabled, a letter that is dead and a trail that leaves KMS out."""
    events, sqs = deployed.client("events"), deployed.client("sqs")
    (rule,) = events.list_rules()["Rules"]
    events.disable_rule(Name=rule["Name"])
    dead = next(url for url in sqs.list_queues()["QueueUrls"] if "ChangesDeadLetters" in url)
    sqs.send_message(QueueUrl=dead, MessageBody="{}")
    deployed.client("cloudtrail").put_event_selectors(
        TrailName="management", EventSelectors=[{"ExcludeManagementEventSources": [KMS], "DataResources": []}]
    )

    ran = deployed.run("doctor", *STACK)

    assert ran.status == 3
    assert f"       do: aws events enable-rule --name {rule['Name']}" in ran.out
    assert "red    dead letters: 1 message in ChangesDeadLetters: work that was given up" in ran.out
    assert "red    trail: trail `management` excludes KMS events" in ran.out


def test_what_may_not_be_looked_at_is_yellow(deployed: Terminal) -> None:
    """The other parts are looked at all the same."""
    with refused("AccessDeniedException", "cloudtrail:DescribeTrails", "kms:GetKeyPolicy", "events:DescribeRule"):
        found = lights(deployed)

    assert found["trail"] == found["rule"] == ["yellow"]
    assert found["keys"][-1] == "yellow"
    assert found["networks"] == ["green"]


def test_before_a_deployment_the_account_is_examined(terminal: Terminal) -> None:
    """Without a stack, and without permission to see a trail: what a perimeter file and the keys tell."""
    terminal.key(OPEN)
    Path("perimeter.json").write_text(
        '{"version": 1, "perimeters": [{"name": "a", "rules": [{"name": "use", "operations": ["cryptographic"],'
        ' "vpce_org_ids": ["o-a1b2c3d4e5"]}]}]}'
    )

    ran = terminal.run("doctor", "--perimeter", "perimeter.json", "--format", "json")

    assert (ran.status, ran.json["light"]) == (3, "red")
    assert [(sign["about"], sign["light"]) for sign in ran.json["signs"]] == [("trail", "red"), ("keys", "green")]


def test_a_stack_that_is_not_there_is_bad_usage(terminal: Terminal) -> None:
    """Nothing can be said of a deployment that does not exist."""
    ran = terminal.run("doctor", *STACK)

    assert (ran.status, ran.err) == (2, f"kms-perimeter: there is no stack `kms-perimeter` in {REGION}\n")


def test_the_status_is_that_of_the_worst_sign() -> None:
    """Green 0, yellow 1, red 3; 2 is for bad usage, here a perimeter file that is not there."""
    assert [int(light) for light in Light] == [0, 1, 3]
    assert Sign("a", Light.RED, "b").to_json() == {"about": "a", "light": "red", "told": "b", "todo": None}
    assert run("doctor", "--perimeter", "no-such-file").status == 2
