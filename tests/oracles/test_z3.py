"""Our proof and z3's, on generated policies: `enclosed` where no outside request exists, `escapes` where one does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kms_perimeter.perimeter import Perimeter, Rule, ServiceTrust
from kms_perimeter.policy.key import Key
from kms_perimeter.verdict import Route, judge
from tests.oracles.z3_encoding import CALLERS, CREATE_GRANT, OURS, SERVICES, escaping

if TYPE_CHECKING:
    from tests.oracles.agreement import Tally

ENDPOINT, FOREIGN = "vpce-0a1b2c3d4e5f60718", "vpce-0f9e8d7c6b5a43210"
VPC = "vpc-0d4e5f60718a9b2c3"
KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
OPERATIONS = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
TEXTS = {
    "aws:SourceVpce": [ENDPOINT, FOREIGN, "vpce-*", "vpce-0a1b2c3d4e5f6071?", "VPCE-1", "*"],
    "aws:SourceVpc": [VPC, "vpc-0*", "vpc-11111111"],
    "aws:PrincipalTag/team": ["ops", "o*", "*s", "?p?", "dev"],
    "aws:UserAgent": ["curl", "cu*", "*rl", "c*l*"],
    "kms:EncryptionContext:AppName": ["Ledger", "L*"],
}
OPEN_FOR_SERVICES = {  # not asked about where service principals are outside: AWS does not say what they have there
    "kms:ViaService": ["s3.us-east-1.amazonaws.com", "s3.*", "*.us-east-1.amazonaws.com"],
    "kms:CallerAccount": [OURS, "9999*", "444455556666"],
}
ARNS = [CALLERS[0], "arn:aws:iam::*:role/App", f"arn:aws:iam::{OURS}:role/*", "arn:*:iam::*:user/a??"]
LISTS = {"aws:TagKeys": ["Team", "T*"], "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/*", "o-a1b2c3d4e5/r-1/", "o-*/r-1/*"]}
NUMBERS = {"aws:MultiFactorAuthAge": ["300", "3600", "299.5"]}
DATES = {"aws:CurrentTime": ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2027-06-30T00:00:00Z"]}
ADDRESSES = {"aws:SourceIp": ["203.0.113.0/24", "203.0.113.128/25", "10.0.0.0/8", "0.0.0.0/0"]}
BOOLS = ["aws:ViaAWSService", "aws:MultiFactorAuthPresent"]
TESTS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]
COMPARED = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
FAMILIES: list[tuple[dict[str, list[str]], list[str]]] = [
    (TEXTS, TESTS),
    (OPEN_FOR_SERVICES, TESTS),
    ({"aws:PrincipalArn": ARNS}, ["ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals"]),
    (LISTS, TESTS),
    (NUMBERS, [f"Numeric{test}" for test in COMPARED]),
    (DATES, [f"Date{test}" for test in COMPARED]),
    (ADDRESSES, ["IpAddress", "NotIpAddress"]),
    ({key: ["true", "false"] for key in BOOLS}, ["Bool"]),
]
KEYS = {key: (values, tests) for family, tests in FAMILIES for key, values in family.items()}
OPEN = {*OPEN_FOR_SERVICES, "aws:PrincipalArn"}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """A `Condition` of up to three tests."""
    made: dict[str, dict[str, Any]] = {}
    for key in draw(st.lists(st.sampled_from([*KEYS, "aws:SourceVpce", "aws:SourceVpce"]), max_size=3, unique=True)):
        values, tests = KEYS[key]
        if draw(st.integers(0, 7)) == 0:
            made.setdefault("Null", {})[key] = draw(st.sampled_from(["true", "false"]))
            continue
        prefix = draw(st.sampled_from(["", "", ""] * (key not in LISTS) + ["ForAllValues:", "ForAnyValue:"]))
        exists = "" if prefix == "ForAnyValue:" else draw(st.sampled_from(["", "", "IfExists"]))
        operator = prefix + draw(st.sampled_from(tests)) + exists
        made.setdefault(operator, {})[key] = draw(
            st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)
        )
    return made


@st.composite
def statements(draw: st.DrawFn, effect: str) -> dict[str, Any]:
    """A statement; a Deny more often about everything and everybody."""
    principals: list[Any] = ["*", {"AWS": OURS}, {"AWS": CALLERS[0]}, {"Service": SERVICES[0]}]
    actions: list[Any] = ["kms:*", "kms:*crypt", ["kms:Decrypt", CREATE_GRANT], ["kms:Encrypt", "kms:Generate*"]]
    often = 4 if effect == "Deny" else 0
    return {
        "Effect": effect,
        "Principal": draw(st.sampled_from(principals[:1] * often + principals)),
        "Action": draw(st.sampled_from(actions[:1] * often + actions)),
        "Resource": "*",
        "Condition": draw(conditions()),
    }


def policies() -> st.SearchStrategy[dict[str, Any]]:
    """One or two Allows and up to four Denies."""
    return st.builds(
        lambda allows, denies: {"Version": "2012-10-17", "Statement": [*allows, *denies]},
        st.lists(statements("Allow"), min_size=1, max_size=2),
        st.lists(statements("Deny"), max_size=4),
    )


def perimeters() -> st.SearchStrategy[Perimeter]:
    """A perimeter of one rule over the operations that z3 is asked about."""
    return st.builds(
        lambda endpoints, vpcs, trust: Perimeter("p", (Rule("use", OPERATIONS, endpoints, vpcs),), aws_services=trust),
        st.just((ENDPOINT,)),
        st.sampled_from([(), (VPC,)]),
        st.sampled_from(list(ServiceTrust)),
    )


def compare(tally: Tally, examples: int) -> None:
    """Judge that many generated policies both ways."""

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(policies(), perimeters())
    def put(policy: dict[str, Any], perimeter: Perimeter) -> None:
        if any(key in OPEN for s in policy["Statement"] for tested in s["Condition"].values() for key in tested):
            perimeter = replace(perimeter, aws_services=ServiceTrust.TRUSTED)
        theirs = escaping(policy, perimeter, OPERATIONS)
        tally.add("policies" if theirs is not None else "given up by z3")
        assume(theirs is not None)

        verdict = judge(json.dumps(policy), KEY, perimeter)

        tally.add(f"with {len(theirs or ())} of 3 operations escaping")
        tally.add("operations by a grant", sum(by_grant for _, by_grant in theirs or ()))
        assert {(e.operation, e.route is Route.GRANT) for e in verdict.escapes} == theirs
        assert verdict.reason is None

    put()


def test_z3_finds_the_same_operations_escaping(tally: Tally) -> None:
    """On 40 generated policies, we find an escape for an operation, and by a grant, exactly where z3 does."""
    compare(tally, 40)


@pytest.mark.deep
def test_z3_finds_the_same_operations_escaping_in_many_more(tally: Tally) -> None:
    """On 1,500 generated policies, we find an escape for an operation, and by a grant, exactly where z3 does."""
    compare(tally, 1_500)
