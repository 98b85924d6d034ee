"""`kms-perimeter check`: verdicts, exit statuses, formats, and what bad input gets."""

import itertools
import json
from pathlib import Path

import pytest

from tests.unit.command import (
    ENDPOINT,
    OPEN,
    RESTRICTED,
    RESTRICTED_TO_VPCS,
    SEVERAL,
    TRAILING_COMMA,
    VPCS,
    run,
)

OPERATIONS = (
    "Encrypt Decrypt ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateDataKeyPair"
    " GenerateDataKeyPairWithoutPlaintext"
)
UNDECIDED = json.dumps(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"NewOperator": {"aws:SourceVpce": "x"}},
        }
    }
)


@pytest.mark.parametrize(
    ("policy", "options", "verdict", "status"),
    [
        (RESTRICTED, ENDPOINT, "enclosed", 0),
        (RESTRICTED, VPCS, "escapes", 1),
        (RESTRICTED, (*ENDPOINT, "--key-usage", "SIGN_VERIFY"), "escapes", 1),
        (RESTRICTED, (*ENDPOINT, "--key-usage", "GENERATE_VERIFY_MAC"), "escapes", 1),
        (RESTRICTED_TO_VPCS, VPCS, "enclosed", 0),
        (RESTRICTED_TO_VPCS, ENDPOINT, "escapes", 1),
        (TRAILING_COMMA, VPCS, "malformed", 2),
        (OPEN, ENDPOINT, "escapes", 1),
    ],
)
def test_judges_the_examples_of_the_documentation(
    policy: str, options: tuple[str, ...], verdict: str, status: int
) -> None:
    """The two example policies of the AWS documentation get the verdicts that DESIGN tells, with their exit status."""
    ran = run("check", policy, *options, "--format", "json")

    assert (ran.json["verdict"], ran.status) == (verdict, status)


def test_prints_the_contract() -> None:
    """The JSON has the members that other programs count on, and the counterexample is a whole request."""
    printed = run("check", OPEN, *ENDPOINT, "--region", "eu-west-1", "--format", "json").json

    assert list(printed) == ["verdict", "perimeter", "key_usage", "escapes", "advisories", "reason"]
    escape = next(escape for escape in printed["escapes"] if escape["operation"] == "kms:Decrypt")
    assert list(escape) == ["operation", "rule", "route", "statement", "request", "why"]
    assert escape["statement"] == {"index": 0, "sid": "Enable IAM policies"}
    assert list(escape["request"]) == ["principal", "action", "resource", "context"]
    assert escape["request"]["resource"].startswith("arn:aws:kms:eu-west-1:111122223333:key/")


def test_lists_every_operation_once_per_route() -> None:
    """All escapes are there, one per operation and route."""
    escapes = run("check", OPEN, *ENDPOINT, "--format", "json").json["escapes"]

    found = [(escape["operation"], escape["route"]) for escape in escapes]
    assert len(found) == len(set(found)) == 8


def test_says_where_a_policy_is_malformed() -> None:
    """The trailing comma that the documentation prints is found with line and column, without traceback."""
    ran = run("check", TRAILING_COMMA, *VPCS, "--format", "json")

    assert ran.json["reason"] == "line 30, column 22: is not JSON: trailing comma"
    assert (ran.json["escapes"], ran.err) == ([], "")


def test_several_policies_come_in_order_each_with_its_file() -> None:
    """An array in the order of the arguments, and the highest of the exit statuses."""
    ran = run("check", OPEN, TRAILING_COMMA, RESTRICTED, *ENDPOINT, "--format", "json")

    assert [(one["file"], one["verdict"]) for one in ran.json] == [
        (OPEN, "escapes"),
        (TRAILING_COMMA, "malformed"),
        (RESTRICTED, "enclosed"),
    ]
    assert ran.status == 2


def test_undecided_has_the_highest_status() -> None:
    """A policy with something that is not understood is undecided, with the reason."""
    ran = run("check", OPEN, TRAILING_COMMA, "-", *VPCS, "--format", "json", stdin=UNDECIDED)

    assert (ran.status, ran.json[2]["verdict"]) == (3, "undecided")
    assert ran.json[2]["file"] == "-"
    assert "NewOperator" in ran.json[2]["reason"]


def test_reads_standard_input() -> None:
    """A policy can come through a pipe."""
    assert run("check", "-", *ENDPOINT, stdin=Path(RESTRICTED).read_text()).status == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "line 1, column 1: is not JSON: expecting value"),
        (b"\xff\xfe{}", "not UTF-8 text at byte 0"),
        ("[]", "line 1, column 1: must be an object, not an array"),
        ("{", None),
        ("[" * 100_000, None),
        ('{"Statement": [{"Sid": "\\ud800"}]}', None),
    ],
)
def test_whatever_is_no_policy_is_malformed(content: str | bytes, reason: str | None) -> None:
    """Bytes, nothing, other JSON: a verdict with its reason and exit status 2, never a traceback."""
    ran = run("check", "-", *ENDPOINT, "--format", "json", stdin=content)

    assert (ran.json["verdict"], ran.status) == ("malformed", 2)
    assert ran.json["reason"] == (reason or ran.json["reason"])
    for output in ("text", "sarif"):
        assert run("check", "-", *ENDPOINT, "--format", output, stdin=content).status == 2


def test_an_operator_is_read_in_plain_words() -> None:
    """The verdict, the statement with its line, the operations, why, an example, and where to read on."""
    ran = run("check", OPEN, *ENDPOINT)

    why = (
        "    statement 0 (`Enable IAM policies`) leaves it to the IAM policies of account 111122223333, one of which"
        " may allow `kms:Encrypt` from the internet; no `Deny` is about it"
    )
    assert ran.out.splitlines() == [
        f"{OPEN}: escapes (perimeter default, key usage ENCRYPT_DECRYPT)",
        '  Statement[0] "Enable IAM policies" (line 4), route iam',
        f"    {', '.join(f'kms:{name}' for name in OPERATIONS.split())}",
        why,
        "    for example: arn:aws:iam::111122223333:role/any calls kms:Encrypt with aws:SourceIp=203.0.113.7",
        "read on: kms-perimeter explain escapes",
    ]


def test_text_of_several_policies_ends_with_a_count() -> None:
    """Many verdicts are summed up."""
    ran = run("check", OPEN, RESTRICTED, TRAILING_COMMA, *ENDPOINT)

    assert ran.out.splitlines()[-1] == "in all: 3 policies, 1 enclosed, 1 escapes, 1 malformed"


def test_text_says_which_of_several_perimeters_was_taken() -> None:
    """Tags and aliases are not in a policy, so the perimeter that is for every key is taken, and that is said."""
    ran = run("check", RESTRICTED, *SEVERAL)

    note = "note: judged by the perimeter `everything`, since it is for every key and this key's tags and aliases are"
    assert ran.out.splitlines()[-1] == f"{note} not known here"
    assert ran.status == 0


def test_a_policy_cannot_write_to_the_terminal() -> None:
    """Control characters in a Sid are shown as replacement characters, not obeyed."""
    policy = Path(OPEN).read_text().replace("Enable IAM policies", "\\u001b[2J\\u0007 [red]x[/red]")

    ran = run("check", "-", *ENDPOINT, stdin=policy)

    assert '"\ufffd[2J\ufffd [red]x[/red]"' in ran.out
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "line 1, column 2: not JSON: expecting property name enclosed in double quotes"),
        ('{"version": 1}', "line 1, column 1: lacks `perimeters`"),
        (
            '{"version": 1,\n "perimeters": [{"name": "a", "rules": [], "mode": "off"}]}',
            "perimeters[0].rules, line 2, column 40: must hold at least one rule",
        ),
    ],
)
def test_a_wrong_perimeter_file_is_one_line_with_the_place(tmp_path: Path, content: str, said: str) -> None:
    """One line on standard error names the file and the place; nothing is printed."""
    file = tmp_path / "perimeter.json"
    file.write_text(content)

    ran = run("check", OPEN, "--perimeter", str(file), "--format", "json")

    assert (ran.status, ran.out, ran.err) == (2, "", f"kms-perimeter: {file}: {said}\n")


A_RULE = "version: 1\nperimeters:\n- name: a\n  rules:\n  - {name: b, operations: [read], "
NOT_A_VPC = "`vpc-1` is not the ID of a VPC (`vpc-` and 8 or 17 hexadecimal digits)"
TEN = ",".join("x" * 10)
BOMB = f"a: &a [{TEN}]\n" + "".join(
    f"{name}: &{name} [{TEN.replace('x', '*' + last)}]\n" for last, name in itertools.pairwise("abcde")
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("version: [", "line 1, column 11: not YAML: expected the node content, but found '<stream end>'"),
        ("version: 1\nperimeters: *x", "line 2, column 13: not YAML: found undefined alias 'x'"),
        ("version: 1\nversion: 1\nperimeters: []", "version, line 2, column 10: given twice"),
        (f"{A_RULE}vpcs: [vpc-1]}}", f"perimeters[0].rules[0].vpcs[0], line 5, column 42: {NOT_A_VPC}"),
        (
            f"{A_RULE}vpce_accounts: [012345670123]}}",
            "perimeters[0].rules[0].vpce_accounts[0], line 5, column 51: must be a string, not a number",
        ),
        ("a: &a\n  b: *a", "nested too deep to be read"),
        ("[" * 5000, "nested too deep to be read"),
        (BOMB, "line 1, column 26: holds too much"),
        ("!!python/object:os.system {}", "line 1, column 1: lacks `version`"),
    ],
    ids=["empty", "unfinished", "alias", "twice", "place", "octal", "endless", "deep", "bomb", "python"],
)
def test_yaml_is_refused_as_exactly(tmp_path: Path, content: str, said: str) -> None:
    """A perimeter file in YAML gets the same care: line and column, and no trick of YAML gets through."""
    file = tmp_path / "perimeter.yaml"
    file.write_text(content)

    ran = run("check", OPEN, "--perimeter", str(file))

    assert (ran.status, ran.out, ran.err) == (2, "", f"kms-perimeter: {file}: {said}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "none.json", *ENDPOINT), "kms-perimeter: none.json: no such file or directory\n"),
        (("check", OPEN, "--perimeter", "none.json"), "kms-perimeter: none.json: no such file or directory\n"),
        (("check", OPEN), "Error: Missing option '--perimeter'.\n"),
        (("check", *ENDPOINT), "Error: Missing argument 'POLICY.json...'.\n"),
        (
            ("check", OPEN, *ENDPOINT, "--account", "42"),
            "Error: Invalid value for '--account': `42` is not an account ID (12 digits)\n",
        ),
    ],
)
def test_bad_usage_is_status_2(arguments: tuple[str, ...], said: str) -> None:
    """What cannot be done is said on standard error."""
    ran = run(*arguments)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.endswith(said)


def test_the_account_can_be_given() -> None:
    """The owner of the key is whoever the options say, and only else who the policy's principals name."""
    ran = run("check", OPEN, *ENDPOINT, "--account", "444455556666", "--format", "json")

    principals = {escape["request"]["principal"].split(":")[4] for escape in ran.json["escapes"]}
    assert principals == {"111122223333"}


def test_sarif_points_at_statements() -> None:
    """Code scanning gets a result per escape and advisory, at the line of the statement."""
    ran = run("check", RESTRICTED, TRAILING_COMMA, *VPCS, "--format", "sarif")

    (log,) = ran.json["runs"]
    rules = {rule["id"] for rule in log["tool"]["driver"]["rules"]}
    places = {
        (result["ruleId"], result["level"], *result["locations"][0]["physicalLocation"]["region"].values())
        for result in log["results"]
    }
    assert ran.json["version"] == "2.1.0"
    assert {result["ruleId"] for result in log["results"]} <= rules
    assert {("escapes", "error", 5, 7), ("malformed", "error", 30, 22)} <= places
    assert len({result["partialFingerprints"]["kmsPerimeter/v1"] for result in log["results"]}) == len(log["results"])
