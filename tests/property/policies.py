"""Hypothesis strategies: key policies over the whole condition language, and requests that can be."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from kms_perimeter.perimeter import Perimeter, Rule, ServiceTrust

OURS = "111122223333"
PARTNER = "444455556666"
STRANGER = "999988887777"
OUR_ENDPOINT = "vpce-0aaaaaaaaaaaaaaaa"
OTHER_ENDPOINT = "vpce-0bbbbbbbbbbbbbbbb"
OUR_VPC = "vpc-0aaaaaaaaaaaaaaaa"
OTHER_VPC = "vpc-0bbbbbbbbbbbbbbbb"

VALUES = {
    "aws:SourceVpce": [OUR_ENDPOINT, OTHER_ENDPOINT, "vpce-0a*", "vpce-*", "*"],
    "aws:SourceVpc": [OUR_VPC, OTHER_VPC, "vpc-0?aaaaaaaaaaaaaaa", "*a"],
    "aws:SourceIp": ["203.0.113.0/24", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"],
    "aws:PrincipalArn": [
        f"arn:aws:iam::{OURS}:role/Admin",
        f"arn:aws:iam::{OURS}:role/*",
        "arn:aws:iam::*:role/Admin",
        f"arn:aws:iam::{PARTNER}:user/bob",
    ],
    "aws:PrincipalAccount": [OURS, PARTNER, "4*"],
    "kms:CallerAccount": [OURS, PARTNER],
    "aws:PrincipalOrgID": ["o-a1b2c3d4e5", "o-*"],
    "aws:PrincipalTag/team": ["blue", "red", "r*", "${aws:username}"],
    "aws:ViaAWSService": ["true", "false"],
    "aws:PrincipalIsAWSService": ["true", "false"],
    "aws:SecureTransport": ["true", "false"],
    "aws:MultiFactorAuthPresent": ["true", "false"],
    "kms:ViaService": ["s3.us-east-1.amazonaws.com", "*.us-east-1.amazonaws.com"],
    "kms:EncryptionContext:app": ["billing", "b*"],
    "kms:EncryptionContextKeys": ["app", "tenant"],
    "kms:GrantOperations": ["Decrypt", "Encrypt"],
    "kms:GrantIsForAWSResource": ["true", "false"],
    "aws:CalledVia": ["s3.amazonaws.com", "athena.amazonaws.com"],
    "aws:MultiFactorAuthAge": ["300", "3600"],
    "aws:CurrentTime": ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"],
    "aws:ResourceAccount": [OURS, PARTNER],
}
BY_KEY = {
    "aws:SourceIp": ["IpAddress", "NotIpAddress"],
    "aws:PrincipalArn": ["ArnLike", "ArnNotLike", "StringLike", "StringNotEquals"],
    "aws:MultiFactorAuthAge": ["NumericLessThan", "NumericGreaterThanEquals", "NumericNotEquals"],
    "aws:CurrentTime": ["DateLessThan", "DateGreaterThan"],
    "aws:ViaAWSService": ["Bool"],
    "aws:PrincipalIsAWSService": ["Bool"],
    "aws:SecureTransport": ["Bool"],
    "aws:MultiFactorAuthPresent": ["Bool"],
    "kms:GrantIsForAWSResource": ["Bool"],
}
STRINGS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]
LISTS = {"kms:EncryptionContextKeys", "kms:GrantOperations", "aws:CalledVia"}
ACTIONS = ["kms:*", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:*Key", "*", "kms:re*"]
PRINCIPALS: list[Any] = [
    "*",
    {"AWS": OURS},
    {"AWS": f"arn:aws:iam::{OURS}:root"},
    {"AWS": f"arn:aws:iam::{OURS}:role/Admin"},
    {"AWS": [f"arn:aws:iam::{PARTNER}:root", f"arn:aws:iam::{OURS}:user/alice"]},
    {"AWS": f"arn:aws:sts::{OURS}:assumed-role/Admin/session"},
    {"Service": "logs.us-east-1.amazonaws.com"},
]


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """A `Condition` element of up to three operators."""
    made: dict[str, dict[str, Any]] = {}
    for key in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True)):
        values = draw(st.lists(st.sampled_from(VALUES[key]), min_size=1, max_size=2, unique=True))
        operator = draw(st.sampled_from(BY_KEY.get(key, STRINGS)))
        prefix = draw(st.sampled_from(["ForAnyValue:", "ForAllValues:"] if key in LISTS else ["", "", "ForAllValues:"]))
        written = prefix + operator + draw(st.sampled_from(["", "", "IfExists"]))
        if draw(st.integers(0, 9)) == 0:
            written, values = "Null", [draw(st.sampled_from(["true", "false"]))]
        made.setdefault(written, {})[key] = values[0] if len(values) == 1 else values
    return made


@st.composite
def statements(draw: st.DrawFn, effect: str | None = None) -> dict[str, Any]:
    """One statement."""
    made: dict[str, Any] = {
        "Effect": effect or draw(st.sampled_from(["Allow", "Deny"])),
        "Principal": draw(st.sampled_from(PRINCIPALS)),
        "Action": draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3, unique=True)),
        "Resource": "*",
    }
    if made["Effect"] == "Deny":
        made["Principal"] = draw(st.sampled_from(["*", "*", *PRINCIPALS]))
    if draw(st.integers(0, 7)) == 0:
        made["NotAction"] = made.pop("Action")
    if condition := draw(conditions()):
        made["Condition"] = condition
    return made


def policies() -> st.SearchStrategy[dict[str, Any]]:
    """A key policy with at least one `Allow`."""
    allow = statements(effect="Allow")
    return st.builds(
        lambda first, rest, version: {"Version": version, "Statement": [first, *rest]},
        allow,
        st.lists(statements(), max_size=4),
        st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]),
    )


def perimeters() -> st.SearchStrategy[Perimeter]:
    """A perimeter of one rule, or of two."""
    use = st.builds(
        Rule,
        st.just("use"),
        st.just(("cryptographic",)),
        st.sampled_from([(OUR_ENDPOINT,), ()]),
        st.just((OUR_VPC,)),
    )
    administer = Rule("administration", ("administrative",), (), (OUR_VPC,))
    return st.builds(
        lambda rule, more, trust, glass: Perimeter(
            "p", (rule, *more), None, trust, (), (f"arn:aws:iam::{OURS}:role/BreakGlass",) if glass else ()
        ),
        use,
        st.sampled_from([(), (administer,)]),
        st.sampled_from([ServiceTrust.TRUSTED, ServiceTrust.TRUSTED, ServiceTrust.DENIED]),
        st.booleans(),
    )
