"""`kms-perimeter init`: a first perimeter file from what the account has."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kms_perimeter.aws.networks import Endpoint
from kms_perimeter.cli import first_file, yaml_text
from kms_perimeter.cli.first_file import Found
from kms_perimeter.perimeter import Mode
from tests.unit.account import NOON
from tests.unit.refusing import refused
from tests.unit.terminal import ELSEWHERE, OURS, REGION, Terminal

VPC = "vpc-0a1b2c3d4e5f60718"
FILE = """\
# The perimeter: which operations on which KMS keys must come from which networks.
# Written by `kms-perimeter init` on {today} from account 123456789012, us-east-1, eu-west-1.
# Take out every network that must not use keys; docs/perimeter-file.md says what else can be said here.
version: 1
perimeters:
  - name: default
    rules:
      - name: use
        operations: [cryptographic]
        # Endpoints for KMS: a request through one of them is inside.
        vpc_endpoints:
          - {first}  # us-east-1 `kms of orders` in {production} `production`
          - {second}  # eu-west-1 (FIPS) in {nameless}, without private DNS
        # VPCs: a request through any endpoint for KMS in one of them is inside, a new one too.
        vpcs:
          - {production}  # us-east-1 `production`
          - {nameless}  # eu-west-1
    mode: alert  # tells only; then approve: asks first, enforce: closes keys
"""


def test_writes_what_the_regions_have(terminal: Terminal) -> None:
    """Endpoints for KMS and their VPCs, with names from tags as comments; nothing of other services."""
    production, nameless = terminal.vpc("production"), terminal.vpc(region=ELSEWHERE)
    first = terminal.endpoint(production, "kms of orders")
    terminal.endpoint(production, service="sqs")
    second = terminal.endpoint(nameless, region=ELSEWHERE, service="kms-fips", PrivateDnsEnabled=False)
    Path("perimeter.yaml").write_text("an older one")

    ran = terminal.run("init", "--region", REGION, "--region", ELSEWHERE, "--force")

    names = {"first": first, "second": second, "production": production, "nameless": nameless}
    assert Path("perimeter.yaml").read_text() == FILE.format(today=datetime.now(UTC).date(), **names)
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == (
        "perimeter.yaml: 2 endpoints for KMS in 2 VPCs; next: kms-perimeter scan --perimeter perimeter.yaml\n"
    )


def an_endpoint(state: str = "available", name: str = "") -> Endpoint:
    """An endpoint for KMS in a VPC."""
    return Endpoint(f"vpce-0a1b2c3d{len(state):09x}", VPC, f"com.amazonaws.{REGION}.kms", state, True, name)  # noqa: FBT003


@pytest.mark.parametrize(("approve", "endpoints", "vpcs"), [("both", 1, 1), ("endpoints", 1, 0), ("vpcs", 0, 1)])
def test_approves_what_it_is_asked_to(approve: str, endpoints: int, vpcs: int) -> None:
    """Endpoints, their VPCs, or both; what no request can come through is named in a comment only."""
    found = Found(OURS, {REGION: (an_endpoint(), an_endpoint("pending"))}, {})

    text = first_file.text(found, approve, Mode.ENFORCE, NOON.date())

    perimeter = yaml_text.load(text).perimeters[0]
    assert (len(perimeter.rules[0].vpc_endpoints), len(perimeter.rules[0].vpcs)) == (endpoints, vpcs)
    assert perimeter.mode == "enforce"
    assert (f"# pending: {REGION} in {VPC}" in text) is bool(endpoints)


def test_a_name_cannot_get_out_of_its_comment() -> None:
    """Whoever may tag a network must not be able to approve one, nor to write to a terminal."""
    name = "x\n          - vpc-66666666\u2028          - vpc-77777777\x1b[2J"
    found = Found(OURS, {REGION: (an_endpoint(name=name),)}, {VPC: name})

    text = first_file.text(found, "both", Mode.ALERT, NOON.date())

    assert yaml_text.load(text).perimeters[0].rules[0].vpcs == (VPC,)
    assert "\x1b" not in text


def test_never_overwrites_unasked(terminal: Terminal) -> None:
    """A file that is there stays as it is, unless --force is given; AWS is not even asked."""
    Path("perimeter.yaml").write_text("mine")

    ran = terminal.run("init", "--profile", "no-such-profile")

    assert ran.err == (
        "kms-perimeter: perimeter.yaml: exists already; --force overwrites it, --out names another file\n"
    )
    assert (ran.status, Path("perimeter.yaml").read_text()) == (2, "mine")


def test_says_where_there_is_no_endpoint(terminal: Terminal) -> None:
    """A perimeter without a network would put every request outside, so none is written."""
    ran = terminal.run("init")

    assert ran.status == 2
    assert ran.err == (
        "kms-perimeter: no VPC endpoint for KMS is available in us-east-1: make one (com.amazonaws.REGION.kms), or"
        " name other Regions\n"
    )
    assert not Path("perimeter.yaml").exists()


def test_access_denied_is_one_line(terminal: Terminal) -> None:
    """What is denied is named, with where it says what is needed."""
    with refused("UnauthorizedOperation", "ec2:DescribeVpcEndpoints"):
        ran = terminal.run("init")

    assert (ran.status, len(ran.err.splitlines())) == (2, 1)
    assert ran.err.startswith("kms-perimeter: access denied: User: arn:aws:iam::123456789012:user/somebody is not")
    assert "ec2:DescribeVpcEndpoints; the page `docs/command-line.md`" in ran.err
