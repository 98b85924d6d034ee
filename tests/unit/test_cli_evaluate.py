"""`kms-perimeter evaluate`: concrete requests, and requests that are none."""

import json
from pathlib import Path

import pytest

from tests.unit.command import ENDPOINT, OPEN, RESTRICTED, TRAILING_COMMA, run

ROLE = "arn:aws:iam::111122223333:role/Orders"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
INSIDE = {"principal": ROLE, "action": "kms:Decrypt", "context": {"aws:SourceVpce": "vpce-1234abcdf5678c90a"}}
OUTSIDE = {"principal": ROLE, "action": "kms:Decrypt", "resource": KEY, "context": {"aws:SourceIp": "203.0.113.7"}}
ALLOW = {"index": 0, "sid": "Enable IAM policies", "effect": "Allow"}
DENY = {"index": 1, "sid": "Restrict usage to my VPC endpoint", "effect": "Deny"}


def test_prints_the_decision_of_one_request() -> None:
    """One request gets one object: decision, route, and the statements that apply with their effects."""
    ran = run("evaluate", RESTRICTED, "--request", "-", "--format", "json", stdin=json.dumps(INSIDE))

    assert ran.json == {"decision": "allowed", "route": "iam", "statements": [ALLOW]}
    assert ran.status == 0


def test_prints_an_array_for_an_array() -> None:
    """Several requests get an array in their order; a denied one is no failure."""
    ran = run("evaluate", RESTRICTED, "--request", "-", "--format", "json", stdin=json.dumps([OUTSIDE, INSIDE]))

    denied = {"decision": "explicit-deny", "route": None, "statements": [ALLOW, DENY]}
    assert ran.json == [denied, {"decision": "allowed", "route": "iam", "statements": [ALLOW]}]
    assert ran.status == 0


def test_reads_back_what_check_prints() -> None:
    """The counterexample of an escape is a request that `evaluate` takes as it is, and allows."""
    escapes = run("check", OPEN, *ENDPOINT, "--format", "json").json["escapes"]

    requests = json.dumps([escape["request"] for escape in escapes])
    ran = run("evaluate", OPEN, "--request", "-", "--format", "json", stdin=requests)

    assert {evaluation["decision"] for evaluation in ran.json} == {"allowed"}


def test_an_operator_is_read_in_plain_words() -> None:
    """A person sees the decision and the statements that made it."""
    ran = run("evaluate", RESTRICTED, "--request", "-", stdin=json.dumps(OUTSIDE))

    assert ran.out.splitlines() == [
        f"kms:Decrypt by {ROLE}: explicit-deny",
        '  Allow by Statement[0] "Enable IAM policies"',
        '  Deny by Statement[1] "Restrict usage to my VPC endpoint"',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: not JSON: expecting value"),
        ("7", "line 1, column 1: must be an object, not a number"),
        ("[{}]", "[0], line 1, column 2: lacks `principal`"),
        (
            json.dumps(INSIDE | {"Action": "x"}),
            "Action, line 1, column 148: unknown member; did you mean `action`?",
        ),
        (json.dumps(INSIDE | {"action": "Decrypt"}), "`Decrypt` is not an action (such as `kms:Decrypt`)"),
        (json.dumps(INSIDE | {"action": "kms:*"}), "`kms:*` is not an action (such as `kms:Decrypt`)"),
        (json.dumps(INSIDE | {"principal": "*"}), "`*` is not the ARN of a principal or the name of a service"),
        (json.dumps(INSIDE | {"resource": "alias/x"}), "`alias/x` is not an ARN"),
        ('[{"principal": "a.b", "action": "kms:Sign",\n "context": {"k": [1]}}]', "[0].context.k[0], line 2"),
        (json.dumps(INSIDE | {"context": {"a:b": "x", "A:B": "y"}}), "context.A:B, line 1, column 112: given twice: "),
        ('{"principal": "a.b", "action": "kms:Sign", "action": "kms:Sign"}', "action, line 1, column 54: given twice"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_one_line_with_the_place(text: str, said: str) -> None:
    """Whatever is wrong with a request is said with path, line and column, and exit status 2."""
    ran = run("evaluate", RESTRICTED, "--request", "-", "--format", "json", stdin=text)

    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err


def test_a_malformed_policy_decides_nothing() -> None:
    """A policy that cannot be understood is bad input."""
    ran = run("evaluate", TRAILING_COMMA, "--request", "-", stdin=json.dumps(INSIDE))

    assert (ran.status, ran.out) == (2, "")
    assert ran.err == f"kms-perimeter: {TRAILING_COMMA}: line 30, column 22: is not JSON: trailing comma\n"


def test_only_one_file_is_standard_input() -> None:
    """Two things cannot come through one pipe."""
    assert run("evaluate", "-", "--request", "-").status == 2


def test_the_resource_tells_the_key(tmp_path: Path) -> None:
    """A statement about another key's ARN does not apply to a request for this one."""
    policy = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": KEY}}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))
    other = OUTSIDE | {"resource": KEY.replace("1234abcd", "00000000")}

    ran = run("evaluate", str(file), "--request", "-", "--format", "json", stdin=json.dumps([OUTSIDE, other]))

    assert [evaluation["decision"] for evaluation in ran.json] == ["allowed", "implicit-deny"]
