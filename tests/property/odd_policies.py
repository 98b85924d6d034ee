"""Hypothesis strategies: policies that use every operator on keys it was not meant for, and requests made to meet them.

People write `NumericEquals` on an account, and `StringLike` on an address; whatever AWS makes of it, the engine's two
halves must make the same.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from kms_perimeter.perimeter import Perimeter, Rule
from kms_perimeter.policy import operators, readings
from kms_perimeter.policy.key import Key
from kms_perimeter.policy.request import Request
from tests.property.test_operator_table import POOLS

OURS, STRANGER = "111122223333", "999988887777"
ENDPOINT, FOREIGN = "vpce-0a1b2c3d4e5f60718", "vpce-0f9e8d7c6b5a43210"
VPC, OTHER_VPC = "vpc-0d4e5f60718a9b2c3", "vpc-01234567"
KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
PERIMETER = Perimeter("p", (Rule("use", ("kms:Decrypt",), (ENDPOINT,), ()),))
ROLE, USER = f"arn:aws:iam::{OURS}:role/App", f"arn:aws:iam::{OURS}:user/alice"
SESSION = f"arn:aws:sts::{OURS}:assumed-role/App/s"
MIXED = [*POOLS["text"], *POOLS["number"], *POOLS["bool"], "${aws:username}", "${aws:PrincipalTag/x, 'ab'}", "${*}"]
VALUES: dict[str, list[str]] = {
    "aws:PrincipalTag/x": [*MIXED, *POOLS["date"], *POOLS["address"], *POOLS["arn"]],
    "aws:UserAgent": MIXED,
    "kms:EncryptionContext:a": MIXED,
    "kms:EncryptionContext:b": POOLS["text"],
    "kms:EncryptionContextKeys": ["a", "b", "c", "A", "*", "a*"],
    "aws:MultiFactorAuthAge": POOLS["number"],
    "aws:MultiFactorAuthPresent": POOLS["bool"],
    "aws:CurrentTime": POOLS["date"],
    "aws:SourceIp": POOLS["address"],
    "aws:SourceVpce": [ENDPOINT, FOREIGN, "vpce-*", ENDPOINT.upper(), "${aws:SourceVpce}", "${aws:PrincipalTag/x}"],
    "aws:SourceVpc": [VPC, "vpc-*"],
    "aws:SourceVpcArn": [
        f"arn:aws:ec2:us-east-1:{OURS}:vpc/{VPC}",
        f"arn:aws:ec2:*:*:vpc/{VPC}",
        "arn:aws:ec2:*:*:vpc/*",
    ],
    "aws:PrincipalArn": [ROLE, USER, "arn:aws:iam::*:role/A*", "arn:aws:iam::*:user/al?ce", SESSION, "arn:*", "*"],
    "aws:PrincipalAccount": [OURS, STRANGER, "1111*", "012345678901"],
    "aws:username": ["alice", "al*", "bob", "ALICE"],
    "aws:PrincipalOrgID": ["o-a1b2c3d4e5", "o-zzzzzzzzzz"],
    "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/*", "o-a1b2c3d4e5/r-ab12/ou-1/", "o-*"],
}
LISTS = frozenset({"kms:EncryptionContextKeys", "aws:PrincipalOrgPaths"})
PRINCIPALS: list[Any] = ["*", {"AWS": OURS}, {"AWS": ROLE}, {"AWS": [STRANGER, USER]}, {"AWS": SESSION}]
CALLERS = [
    *(ROLE, USER, SESSION, f"arn:aws:iam::{OURS}:role/any", f"arn:aws:iam::{OURS}:user/bob"),
    *(f"arn:aws:iam::{OURS}:role/team/App", f"arn:aws:sts::{OURS}:assumed-role/App/t"),
    *(f"arn:aws:iam::{STRANGER}:role/x", f"arn:aws:iam::{STRANGER}:user/alice", "arn:aws:iam::012345678901:role/any"),
]
NUMBERS = ["0", "0.5", "4", "5", "5.0", "6", "49", "50", "51"]
MOMENTS = [f"{day}T00:00:00{rest}" for day in ("2025-12-31", "2026-01-01", "2026-01-02") for rest in ("Z", ".5Z")]


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """A `Condition` of up to three tests, each of any operator on any key."""
    made: dict[str, dict[str, Any]] = {}
    for key in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True)):
        values = draw(st.lists(st.sampled_from(VALUES[key]), min_size=1, max_size=2, unique=True))
        prefix = draw(st.sampled_from(["ForAllValues:", "ForAnyValue:"] + ["", "", ""] * (key not in LISTS)))
        suffix = "" if prefix == "ForAnyValue:" else draw(st.sampled_from(["", "", "IfExists"]))
        operator = prefix + draw(st.sampled_from(sorted(operators.OPERATORS))) + suffix
        if draw(st.integers(0, 9)) == 0:
            operator, values = "Null", [draw(st.sampled_from(["true", "false"]))]
        made.setdefault(operator, {})[draw(st.sampled_from([key, key, key.lower(), key.upper()]))] = values
    return made


@st.composite
def statements(draw: st.DrawFn, effect: str) -> dict[str, Any]:
    """A statement about decrypting; a Deny more often for everybody."""
    everybody = ["*"] * (6 if effect == "Deny" else 0)
    element = draw(st.sampled_from(["Principal"] * 12 + ["NotPrincipal"]))
    made = {
        "Effect": effect,
        element: draw(st.sampled_from(everybody + PRINCIPALS)),
        "Action": "kms:*",
        "Resource": "*",
    }
    condition = draw(conditions())
    return made | ({"Condition": condition} if condition else {})


def policies() -> st.SearchStrategy[dict[str, Any]]:
    """One or two Allows and up to three Denies."""
    return st.builds(
        lambda version, allows, denies: {"Version": version, "Statement": [*allows, *denies]},
        st.sampled_from(["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]),
        st.lists(statements("Allow"), min_size=1, max_size=2),
        st.lists(statements("Deny"), max_size=3),
    )


@st.composite
def requests(draw: st.DrawFn, policy: dict[str, Any]) -> Request:
    """A direct request that is not from the approved endpoint, with values near those of the policy."""
    caller = draw(st.sampled_from(CALLERS))
    context = {**draw(_of_caller(caller)), **draw(_of_network()), "aws:CurrentTime": draw(st.sampled_from(MOMENTS))}
    for key in ("aws:PrincipalTag/x", "aws:UserAgent"):
        if draw(st.integers(0, 2)):
            context[key] = draw(_near(policy, key))
    pairs = draw(st.lists(st.sampled_from("ab"), max_size=2, unique=True))
    context |= {f"kms:EncryptionContext:{name}": draw(_near(policy, f"kms:EncryptionContext:{name}")) for name in pairs}
    names = (*pairs, *draw(st.lists(st.sampled_from("cd"), max_size=1)))
    return Request(caller, "kms:Decrypt", KEY.arn, context | ({"kms:EncryptionContextKeys": names} if names else {}))


@st.composite
def _of_caller(draw: st.DrawFn, caller: str) -> dict[str, Any]:
    account = caller.split(":")[4]
    arn = f"arn:aws:iam::{account}:role/{caller.split('/')[1]}" if ":sts:" in caller else caller
    context: dict[str, Any] = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": account, "kms:CallerAccount": account}
    if ":user/" in caller:
        context["aws:username"] = caller.rpartition("/")[2]
    if age := draw(st.sampled_from([None, *NUMBERS])):
        context |= {"aws:MultiFactorAuthAge": age, "aws:MultiFactorAuthPresent": "true"}
    if organisation := draw(st.sampled_from([None, "o-a1b2c3d4e5", "o-zzzzzzzzzz", "o-0000000000"])):
        roots = draw(st.lists(st.sampled_from(["r-ab12/ou-1/", "r-ab12/"]), min_size=1, unique=True))
        context |= {"aws:PrincipalOrgID": organisation}
        context["aws:PrincipalOrgPaths"] = tuple(f"{organisation}/{root}" for root in roots)
    return context


@st.composite
def _of_network(draw: st.DrawFn) -> dict[str, str]:
    common = {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false", "aws:SecureTransport": "true"}
    if draw(st.booleans()):
        addresses = [a for a in (text.partition("/")[0] for text in POOLS["address"]) if readings.address(a)]
        return {**common, "aws:SourceIp": draw(st.sampled_from(["203.0.113.9", *addresses]))}
    vpc, owner = draw(st.sampled_from([VPC, OTHER_VPC])), draw(st.sampled_from([OURS, STRANGER]))
    endpoint = {"aws:SourceVpce": draw(st.sampled_from([FOREIGN, "vpce-01234567"])), "aws:SourceVpc": vpc}
    return {**common, **endpoint, "aws:SourceVpcArn": f"arn:aws:ec2:us-east-1:{owner}:vpc/{vpc}"}


def _near(policy: dict[str, Any], key: str) -> st.SearchStrategy[str]:
    """A value of the policy for this key or close to one, or any other."""
    said = [
        value
        for statement in policy["Statement"]
        for tested in statement.get("Condition", {}).values()
        for name, values in tested.items()
        for value in values
        if name.lower() == key.lower()
    ]
    whole = [re.sub(r"\$\{[^}]*\}", "alice", value) for value in said]
    near = [
        v for value in whole for v in (value, value + "x", value.swapcase(), value.replace("*", "x").replace("?", "0"))
    ]
    return st.sampled_from([*near, *POOLS["text"], *POOLS["number"], *POOLS["date"], *POOLS["address"]])
