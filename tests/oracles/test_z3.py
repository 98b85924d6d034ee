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
from tests.oracles.z3_encoding import CALLERS, OURS, escaping

if TYPE_CHECKING:
    from tests.oracles.agreement import Tally

ENDPOINT, FOREIGN = "vpce-0a1b2c3d4e5f60718", "vpce-0f9e8d7c6b5a43210"
VPC = "vpc-0d4e5f60718a9b2c3"
KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
OPERATIONS = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
VALUES = {
    "aws:SourceVpce": [ENDPOINT, FOREIGN, "vpce-*", "vpce-0a1b2c3d4e5f6071?", "VPCE-1", "*"],
    "aws:SourceVpc": [VPC, "vpc-0*", "vpc-11111111"],
    "kms:ViaService": ["s3.us-east-1.amazonaws.com", "s3.*", "*.us-east-1.amazonaws.com"],
    "kms:CallerAccount": [OURS, "9999*", "444455556666"],
    "aws:PrincipalTag/team": ["ops", "o*", "*s", "?p?", "dev"],
    "aws:UserAgent": ["curl", "cu*", "*rl", "c*l*"],
    "kms:EncryptionContext:AppName": ["Ledger", "L*"],
}
BOOLS = ["aws:ViaAWSService", "aws:MultiFactorAuthPresent"]
TESTS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """A `Condition` of up to three tests."""
    made: dict[str, dict[str, Any]] = {}
    for key in draw(st.lists(st.sampled_from([*VALUES, *BOOLS, "aws:SourceVpce"]), max_size=3, unique=True)):
        exists = draw(st.sampled_from(["", "", "IfExists"]))
        if draw(st.integers(0, 7)) == 0:
            made.setdefault("Null", {})[key] = draw(st.sampled_from(["true", "false"]))
        elif key in BOOLS:
            made.setdefault(f"Bool{exists}", {})[key] = draw(st.sampled_from(["true", "false"]))
        else:
            prefix = draw(st.sampled_from(["", "", "", "ForAllValues:", "ForAnyValue:"]))
            operator = prefix + draw(st.sampled_from(TESTS)) + ("" if prefix == "ForAnyValue:" else exists)
            made.setdefault(operator, {})[key] = draw(
                st.lists(st.sampled_from(VALUES[key]), min_size=1, max_size=2, unique=True)
            )
    return made


@st.composite
def statements(draw: st.DrawFn, effect: str) -> dict[str, Any]:
    """A statement; a Deny more often about everything and everybody."""
    principals: list[Any] = ["*", {"AWS": OURS}, {"AWS": CALLERS[0]}]
    actions: list[Any] = ["kms:*", "kms:*crypt", ["kms:Decrypt"], ["kms:Encrypt", "kms:Generate*"]]
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
        if any(s["Principal"] == "*" for s in policy["Statement"] if s["Effect"] == "Allow"):
            perimeter = replace(perimeter, aws_services=ServiceTrust.TRUSTED)  # z3 is not told of service principals
        theirs = escaping(policy, perimeter, OPERATIONS)
        tally.add("policies" if theirs is not None else "given up by z3")
        assume(theirs is not None)

        verdict = judge(json.dumps(policy), KEY, perimeter)

        tally.add(f"with {len(theirs or ())} of 3 operations escaping")
        assert {e.operation for e in verdict.escapes if e.route is not Route.GRANT} == theirs
        assert verdict.reason is None

    put()


def test_z3_finds_the_same_operations_escaping(tally: Tally) -> None:
    """On 250 generated policies, we find an escape for an operation exactly where z3 does."""
    compare(tally, 250)


@pytest.mark.deep
def test_z3_finds_the_same_operations_escaping_in_many_more(tally: Tally) -> None:
    """On 1,500 generated policies, we find an escape for an operation exactly where z3 does."""
    compare(tally, 1_500)
