"""`kms-perimeter scan`: every key of an account judged, and none changed."""

import csv
import json
import re
from datetime import date
from io import StringIO
from pathlib import Path

import boto3
import jsonschema
import pytest

from kms_perimeter.aws.pace import Pace
from kms_perimeter.aws.profile import Profile
from kms_perimeter.cli import credentials
from kms_perimeter.cli.scanning.region import AHEAD, side_by_side
from kms_perimeter.cli.scanning.table import table
from kms_perimeter.fleet import Fleet, KeyFinding
from kms_perimeter.perimeter import PolicyException
from tests.unit.account import APPROVED, NOON, OPEN, closed
from tests.unit.command import ENDPOINT, ROOT, run
from tests.unit.refusing import refused
from tests.unit.terminal import ELSEWHERE, OURS, REGION, Terminal

NETWORK = ("--vpc-endpoint", APPROVED)
UNKNOWN = OPEN.replace('"Resource": "*"', '"Resource": "*", "Condition": {"StringEquals": {"aws:Unheard": "of"}}')
BY_ALIAS = """\
version: 1
perimeters:
  - name: orders
    applies_to: {aliases: ["alias/orders*"]}
    mode: enforce
    rules: [{name: use, operations: [cryptographic], vpc_endpoints: [vpce-1234abcdf5678c90a]}]
exceptions:
  - {key: "KEY", reason: moves in January, owner: team-x, expires: 2999-01-31}
"""


def test_an_enclosed_fleet_is_fine(terminal: Terminal) -> None:
    """Where every key is enclosed, the status says so, and the last line how many there are."""
    terminal.key(closed())

    ran = terminal.run("scan", *NETWORK)

    assert (ran.status, ran.err) == (0, "")
    assert re.fullmatch(r"in all: 1 key in \d+ s: 1 enclosed\n", ran.out)


def test_an_open_key_is_told_with_its_escape(terminal: Terminal) -> None:
    """A key that anybody may use is told by ARN and alias, with the statement, the route and a request."""
    arn = terminal.key(OPEN, alias="alias/orders")
    terminal.key(closed())

    ran = terminal.run("scan", *NETWORK)

    assert ran.status == 1
    lines = ran.out.splitlines()
    assert lines[0] == f"{arn} alias/orders: open (perimeter default, key usage ENCRYPT_DECRYPT)"
    assert lines[1] == '  Statement[0] "Enable IAM policies", route iam'
    assert lines[4].startswith("    for example: ")
    assert lines[-1].endswith(": 1 open, 1 enclosed")


def test_keys_of_which_the_same_is_to_be_told_are_told_together(terminal: Terminal) -> None:
    """Years of keys with the default policy are a line each; one that differs is told by itself."""
    arns = [terminal.key(OPEN), terminal.key(closed("vpce-0fedcba9876543210")), terminal.key(OPEN)]

    ran = terminal.run("scan", *NETWORK)

    lines = ran.out.splitlines()
    assert [line.split(": ", 1)[0] for line in lines if line.startswith("arn:")] == [arns[0], arns[2], arns[1]]
    assert lines[2] == "  all 2 alike:"
    assert ran.out.count('Statement[0] "Enable IAM policies", route iam') == 2


def test_keys_that_nobody_here_answers_for_are_skipped_and_counted(terminal: Terminal) -> None:
    """Keys that AWS manages and keys that are about to be deleted are not judged."""
    dying = terminal.key(OPEN).rsplit("/", 1)[-1]
    terminal.client("kms").schedule_key_deletion(KeyId=dying)
    terminal.client("kms").describe_key(KeyId="alias/aws/s3")  # moto makes it when it is asked for

    ran = terminal.run("scan", *NETWORK, "--format", "json")

    assert (ran.status, ran.json["keys"]) == (0, [])
    assert ran.json["skipped"] == {"aws-managed-key": 1, "pending-deletion": 1, "key-gone": 0}


def test_several_regions_make_one_fleet(terminal: Terminal) -> None:
    """Each Region that is given is looked at once, and its keys are told with it."""
    terminal.key(OPEN)
    terminal.key(closed(), ELSEWHERE)

    ran = terminal.run(
        "scan", *NETWORK, "--region", REGION, "--region", ELSEWHERE, "--region", REGION, "--format", "json"
    )

    assert [(key["account"], key["region"], key["standing"]) for key in ran.json["keys"]] == [
        (OURS, REGION, "open"),
        (OURS, ELSEWHERE, "enclosed"),
    ]


def test_every_enabled_region_can_be_asked_for(terminal: Terminal) -> None:
    """`--all-regions` means those that are enabled for the account, whatever Region is configured."""
    profile = Profile(boto3.Session(region_name=REGION))

    enabled = credentials.regions_of(profile, (), all_regions=True)

    described = terminal.client("ec2").describe_regions()["Regions"]
    assert set(enabled) == {region["RegionName"] for region in described}


def test_a_key_that_cannot_be_read_counts_as_undecided(terminal: Terminal) -> None:
    """Silence would hide a key that may be open."""
    terminal.key(OPEN)

    with refused("AccessDeniedException", "kms:GetKeyPolicy"):
        ran = terminal.run("scan", *NETWORK)

    assert ran.status == 3
    assert ": unreadable\n  AccessDeniedException: " in ran.out


def test_an_undecided_key_is_told_with_the_reason(terminal: Terminal) -> None:
    """What is not proved is not called enclosed: status 3, though another key is open."""
    terminal.key(UNKNOWN)
    terminal.key(OPEN)

    ran = terminal.run("scan", *NETWORK, "--format", "json")

    assert ran.status == 3
    assert {key["standing"] for key in ran.json["keys"]} == {"undecided", "open"}


def test_a_key_is_under_the_perimeter_that_its_alias_says(terminal: Terminal) -> None:
    """The first perimeter that applies counts; a key under none is told apart, and an excepted one is no alarm."""
    excepted = terminal.key(OPEN, alias="alias/orders-old")
    terminal.key(OPEN, alias="alias/orders")
    terminal.key(OPEN, alias="alias/other")
    Path("perimeter.yaml").write_text(BY_ALIAS.replace("KEY", excepted))

    ran = terminal.run("scan", "--perimeter", "perimeter.yaml", "--format", "json")

    assert ran.status == 1
    told = {key["aliases"][0]: (key["standing"], key["perimeter"], key["mode"]) for key in ran.json["keys"]}
    assert told == {
        "alias/orders-old": ("excepted", "orders", "enforce"),
        "alias/orders": ("open", "orders", "enforce"),
        "alias/other": ("unwatched", None, None),
    }


def test_a_scan_that_proves_nothing_says_so(terminal: Terminal) -> None:
    """Keys that no perimeter is for are fine by the status, and the text says that nothing was proved."""
    terminal.key(OPEN)
    Path("perimeter.yaml").write_text(BY_ALIAS.replace("KEY", f"arn:aws:kms:{REGION}:{OURS}:key/k"))

    ran = terminal.run("scan", "--perimeter", "perimeter.yaml")

    assert ran.status == 0
    assert "note: no perimeter is for any of these keys, so nothing was proved" in ran.out


def test_where_there_is_no_key_other_regions_are_named(terminal: Terminal) -> None:
    """Whoever has mistaken the Region would else take silence for success."""
    ran = terminal.run("scan", *NETWORK)

    assert ran.status == 0
    assert "note: no key to be judged is there; --region and --all-regions look elsewhere" in ran.out


def test_the_perimeter_file_may_be_in_parameter_store(terminal: Terminal) -> None:
    """The file that a deployment reads is read from where that reads it, and refused with its name and place."""
    terminal.key(OPEN)
    text = (ROOT / "docs/examples/perimeter.json").read_text()
    terminal.client("ssm").put_parameter(Name="/kms-perimeter/perimeter", Type="String", Value=text)
    terminal.client("ssm").put_parameter(Name="/bad", Type="String", Value='{"version": 2}')

    good, bad = (terminal.run("scan", "--parameter", name) for name in ("/kms-perimeter/perimeter", "/bad"))

    assert (good.status, bad.status) == (1, 2)
    assert bad.err == "kms-perimeter: parameter `/bad`: line 1, column 1: lacks `perimeters`\n"


def test_the_plan_shows_what_enforce_would_do(terminal: Terminal) -> None:
    """An open key is shown with the diff that would close it, and one that AWS uses by grants with the refusal."""
    terminal.key(OPEN)
    granted = terminal.key(OPEN)
    kms = terminal.client("kms")
    kms.create_grant(KeyId=granted, GranteePrincipal="rds.amazonaws.com", Operations=["Decrypt"])

    ran, as_json = (terminal.run("scan", *NETWORK, "--plan", "--format", output) for output in ("text", "json"))
    plans = {key["arn"]: key["plan"] for key in as_json.json["keys"]}

    assert '+      "Sid": "KmsPerimeterGuardUse",' in ran.out
    assert "\nenforce would close it by the strategy guard:\n" in ran.out
    assert "\nenforce would refuse: AWS services use the key through a grant (rds.amazonaws.com)" in ran.out
    assert ran.out.splitlines()[-1] == "enforce: would close 1, and refuse 1"
    assert "rds.amazonaws.com" in plans.pop(granted)["refused"]
    assert [(plan["refused"], plan["changed"], plan["verdict"]["verdict"]) for plan in plans.values()] == [
        (None, True, "enclosed")
    ]
    assert kms.get_key_policy(KeyId=granted, PolicyName="default")["Policy"] == OPEN


def test_what_the_plan_must_read_and_may_not_is_a_refusal(terminal: Terminal) -> None:
    """Without the key's grants nobody knows what a fix would break."""
    terminal.key(OPEN)

    with refused("AccessDeniedException", "kms:ListGrants"):
        ran = terminal.run("scan", *NETWORK, "--plan", "--format", "json")

    assert ran.json["keys"][0]["plan"]["refused"].startswith("the key's grants cannot be listed: ")


def test_nothing_in_the_table_runs_as_a_formula() -> None:
    """What somebody else wrote, such as who answers for a key, is text in a spreadsheet too."""
    arn = f"arn:aws:kms:{REGION}:{OURS}:key/k"
    exception = PolicyException(arn, "r", "=HYPERLINK(1)", date(2027, 1, 31))
    finding = KeyFinding(OURS, REGION, arn, unreadable="denied, twice", exception=exception)

    (row,) = csv.DictReader(StringIO(table(Fleet((finding,), NOON, NOON))))

    assert (row["exception_owner"], row["why"]) == ("'=HYPERLINK(1)", "denied, twice")


def test_a_table_has_a_line_for_each_key(terminal: Terminal) -> None:
    """With its standing and, where a plan was asked for, what `enforce` would do."""
    arn = terminal.key(OPEN, alias="alias/orders")
    terminal.key(closed())

    ran = terminal.run("scan", *NETWORK, "--plan", "--format", "csv")

    rows = list(csv.DictReader(StringIO(ran.out)))
    assert [(row["arn"] == arn, row["standing"], row["enforce"]) for row in rows] == [
        (True, "open", "close"),
        (False, "enclosed", ""),
    ]
    assert rows[0]["routes"] == "iam"


def test_code_scanning_takes_the_sarif(terminal: Terminal) -> None:
    """The log keeps to the schema; each key is a resource, and an exception suppresses its results."""
    excepted = terminal.key(OPEN, alias="alias/orders")
    Path("perimeter.yaml").write_text(BY_ALIAS.replace("KEY", excepted))

    log = terminal.run("scan", "--perimeter", "perimeter.yaml", "--format", "sarif").json

    schema = json.loads((ROOT / "tests/unit/sarif/sarif-2.1.0-rtm.5.schema.json").read_text())
    jsonschema.validate(log, schema)
    result = log["runs"][0]["results"][0]
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == excepted
    assert result["suppressions"][0]["justification"] == "team-x until 2999-01-31: moves in January"


def test_the_report_can_go_into_a_file(terminal: Terminal) -> None:
    """The file is written whole, and standard error says where."""
    terminal.key(OPEN)

    ran = terminal.run("scan", *NETWORK, "--format", "json", "--out", "fleet.json")

    assert json.loads(Path("fleet.json").read_text())["counts"]["open"] == 1
    assert (ran.status, ran.out, ran.err) == (1, "", "written to fleet.json\n")


def test_one_source_of_perimeters_is_given() -> None:
    """None, or two that may disagree, is bad usage."""
    for given in ((), (*ENDPOINT, *NETWORK)):
        ran = run("scan", *given)

        assert ran.status == 2
        assert "give one of --perimeter, --parameter, --stack, or --vpc-endpoint and --vpc" in ran.err


def test_a_region_without_the_stack_is_not_scanned(terminal: Terminal) -> None:
    """With several Regions, one that cannot be scanned leaves the others alone and makes the status 3."""
    ran = terminal.run(
        "scan", "--stack", "kms-perimeter", "--region", REGION, "--region", ELSEWHERE, "--format", "json"
    )

    assert (ran.status, ran.json["unscanned"][1]["reason"]) == (3, f"there is no stack `kms-perimeter` in {ELSEWHERE}")
    assert f"{OURS} {REGION} was not scanned: there is no stack `kms-perimeter` in {REGION}" in ran.err


def test_a_stack_that_is_nowhere_is_refused(terminal: Terminal) -> None:
    """In the only Region it is a name that somebody has mistyped."""
    ran = terminal.run("scan", "--stack", "kms-perimetre")

    assert (ran.status, ran.out) == (2, "")
    assert ran.err == f"kms-perimeter: there is no stack `kms-perimetre` in {REGION}\n"


def test_aliases_that_must_be_known_and_may_not_be_listed_are_refused(terminal: Terminal) -> None:
    """Nobody could tell which perimeter a key is under."""
    arn = terminal.key(OPEN, alias="alias/orders")
    Path("perimeter.yaml").write_text(BY_ALIAS.replace("KEY", arn))

    with refused("AccessDeniedException", "kms:ListAliases"):
        ran = terminal.run("scan", "--perimeter", "perimeter.yaml")

    assert (ran.status, ran.out) == (2, "")
    assert "kms:ListAliases" in ran.err


@pytest.mark.parametrize(("calls", "waited"), [(1, 0.0), (3, 0.2), (11, 1.0)])
def test_calls_are_evenly_spaced(calls: int, waited: float) -> None:
    """Ten calls a second take a tenth of a second each, after the first."""
    pauses: list[float] = []
    pace = Pace(10, clock=lambda: sum(pauses), pause=pauses.append)

    for _ in range(calls):
        pace.wait()

    assert sum(pauses) == pytest.approx(waited)


def test_credentials_that_expire_end_the_scan(terminal: Terminal) -> None:
    """Every further key would fail alike, so the rest is not called unreadable."""
    terminal.key(OPEN)

    with refused("ExpiredTokenException", "kms:DescribeKey"):
        ran = terminal.run("scan", *NETWORK, "--region", REGION, "--region", ELSEWHERE)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "kms-perimeter: the AWS credentials have expired; sign in again\n"


def test_what_was_found_before_credentials_expired_is_told(terminal: Terminal) -> None:
    """A scan may take longer than they last; the Regions that were not looked at, or not in full, are named."""
    terminal.key(OPEN)
    terminal.key(OPEN, ELSEWHERE)
    third = "eu-central-1"

    with refused("ExpiredTokenException", f"kms:DescribeKey@{ELSEWHERE}"):
        ran = terminal.run("scan", *NETWORK, *(word for r in (REGION, ELSEWHERE, third) for word in ("--region", r)))

    assert ran.status == 3
    assert "in all: 1 key in" in ran.out
    for region in (ELSEWHERE, third):
        assert f"{OURS} {region}: not scanned: the AWS credentials have expired; sign in again\n" in ran.out


def test_few_keys_wait_at_a_time() -> None:
    """However many keys there are, little is begun before somebody wants it; the order stays, an error ends it."""
    begun: list[str] = []

    def work(item: str) -> str:
        begun.append(item)
        if item == "500":
            raise ValueError(item)
        return item

    answers = side_by_side(work, (str(number) for number in range(1000)), workers=2)

    assert next(answers) == "0"
    assert len(begun) <= 2 * AHEAD
    with pytest.raises(ValueError, match="500"):
        list(answers)
    assert len(begun) <= 501 + 2 * AHEAD


def test_progress_is_for_terminals_only(terminal: Terminal) -> None:
    """Where standard error is no terminal, nothing is drawn on it."""
    terminal.key(closed())

    assert terminal.run("scan", *NETWORK).err == ""
