"""Key policies and requests over the whole condition language, for engines to disagree about.

Values of requests come from the same small vocabulary as those of policies, so that conditions hold about as often as
not. Requests need not be possible: an evaluator takes its context as it is given.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from kms_perimeter.policy.key import Key
from kms_perimeter.policy.request import Request

OURS, PARTNER = "111122223333", "444455556666"
KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
OTHER_KEY = f"arn:aws:kms:us-east-1:{OURS}:key/0987dcba-09fe-87dc-65ba-ab0987654321"
ENDPOINT, FOREIGN = "vpce-0a1b2c3d4e5f60718", "vpce-0f9e8d7c6b5a43210"
ROLE, USER = f"arn:aws:iam::{OURS}:role/App", f"arn:aws:iam::{OURS}:user/alice"

STRINGS = {
    "aws:SourceVpce": [ENDPOINT, FOREIGN, ENDPOINT.upper(), "vpce-*", "vpce-0?1b*", ""],
    "aws:PrincipalTag/team": ["ops", "Ops", "o*", "o?s", "köln", "KÖLN", "a*b", "a**b?", "*"],
    "aws:UserAgent": ["curl/8", "*", "cur?/8", "$5", "a:b"],
    "kms:ViaService": ["s3.us-east-1.amazonaws.com", "*.us-east-1.amazonaws.com", "s3.*"],
    "kms:EncryptionContext:AppName": ["Ledger", "ledger", "Led*"],
    "kms:CallerAccount": [OURS, PARTNER, "4444*"],
}
VARIABLES = [
    "${aws:PrincipalTag/team}",
    "${AWS:principaltag/TEAM}",
    "${aws:SourceVpce}",
    "x${aws:PrincipalTag/team}*",
    "${aws:PrincipalTag/team, 'ops'}",
    "${*}",
    "${?}",
    "${$}5",
    "vpce-${*}",
    "${aws:NoSuchKey}",
]
NUMBERS = {"aws:MultiFactorAuthAge": ["0", "7", "7.0", "300", "3600", "-1", "3e2"]}
DATES = {
    "aws:CurrentTime": [
        "2026-01-01T00:00:00Z",
        "2026-01-01T01:00:00+01:00",
        "2027-06-30T12:30:00Z",
        "2026-01-01",
        "1767225600",
    ],
    "aws:TokenIssueTime": ["2026-01-01T00:00:00Z", "2030-01-01T00:00:00.500Z"],
}
BOOLS = {
    "aws:ViaAWSService": ["true", "false", "TRUE", "False"],
    "aws:MultiFactorAuthPresent": ["true", "false", "yes"],
    "kms:GrantIsForAWSResource": ["true", "false"],
}
ADDRESSES = {
    "aws:SourceIp": [
        "203.0.113.7",
        "203.0.113.0/24",
        "203.0.113.128/25",
        "198.51.100.1",
        "2001:db8::/32",
        "2001:db8::1",
        "::/0",
    ],
    "aws:VpcSourceIp": ["10.0.0.0/8", "10.1.2.3", "10.1.2.0/30", "0.0.0.0/0"],
}
ARNS = {
    "aws:PrincipalArn": [ROLE, USER, "arn:aws:iam::*:role/*", f"arn:aws:iam::{OURS}:role/A?p", "arn:*:iam::*:*", "*"],
    "aws:SourceVpcArn": [f"arn:aws:ec2:us-east-1:{OURS}:vpc/vpc-0d4e5f60718a9b2c3", "arn:aws:ec2:*:*:vpc/*"],
}
BINARIES = {"kms:RecipientAttestation:ImageSha384": ["cXVpdGUgYSBzZWNyZXQ=", "bm9uZQ=="]}
LISTS = {
    "kms:EncryptionContextKeys": ["AppName", "Tenant", "App*", "appname"],
    "aws:CalledVia": ["athena.amazonaws.com", "glue.amazonaws.com", "*.amazonaws.com"],
    "aws:VpceOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-1/", "o-a1b2c3d4e5/*", "o-zzzzzzzzzz/r-1/"],
    "kms:GrantOperations": ["Decrypt", "Encrypt", "*crypt"],
}
STRING_TESTS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"]  # fmt: skip  # noqa: E501
COMPARED = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
ARN_TESTS = ["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"]
FAMILIES: list[tuple[dict[str, list[str]], list[str]]] = [
    (STRINGS, STRING_TESTS),
    (NUMBERS, [f"Numeric{test}" for test in COMPARED]),
    (DATES, [f"Date{test}" for test in COMPARED]),
    (BOOLS, ["Bool", "Bool", "StringEquals", "StringNotLike"]),
    (ADDRESSES, ["IpAddress", "NotIpAddress"]),
    (ARNS, [*ARN_TESTS, *STRING_TESTS]),
    (BINARIES, ["BinaryEquals"]),
    (LISTS, STRING_TESTS),
]
KEYS = {key: (values, tests) for family, tests in FAMILIES for key, values in family.items()}
PRINCIPALS: list[Any] = [
    "*",
    {"AWS": "*"},
    {"AWS": OURS},
    {"AWS": f"arn:aws:iam::{OURS}:root"},
    {"AWS": ROLE},
    {"AWS": [USER, f"arn:aws:iam::{PARTNER}:role/App"]},
    {"AWS": f"arn:aws:sts::{OURS}:assumed-role/App/deploy"},
    {"AWS": PARTNER, "Service": "logs.us-east-1.amazonaws.com"},
    {"Service": ["logs.us-east-1.amazonaws.com", "sns.amazonaws.com"]},
]
CALLERS = [
    ROLE,
    USER,
    f"arn:aws:iam::{OURS}:role/team/App",
    f"arn:aws:sts::{OURS}:assumed-role/App/deploy",
    f"arn:aws:sts::{OURS}:assumed-role/App/other",
    f"arn:aws:iam::{PARTNER}:role/App",
    "logs.us-east-1.amazonaws.com",
]
ACTIONS = ["kms:*", "*", "kms:Decrypt", "KMS:decrypt", "kms:*crypt", "kms:ReEncrypt*", "kms:?ncrypt", "kms:Create*", "kms:ReEncrypt", "s3:*"]  # fmt: skip  # noqa: E501
OPERATIONS = ["kms:Decrypt", "kms:Encrypt", "kms:ReEncryptFrom", "kms:CreateGrant", "kms:GenerateDataKey"]
RESOURCES = ["*", "*", "*", str(KEY.arn), f"arn:aws:kms:*:{OURS}:key/*", OTHER_KEY, f"arn:aws:kms:us-east-1:{OURS}:alias/prod"]  # fmt: skip  # noqa: E501


@st.composite
def conditions(draw: st.DrawFn, key: str) -> tuple[str, str | list[str] | bool]:
    """An operator for this key, and the values to compare with."""
    values, tests = KEYS[key]
    shape = draw(st.integers(0, 11))
    if shape == 0:
        nulls: list[str | list[str] | bool] = ["true", "false", True, ["true", "false"]]
        return "Null", draw(st.sampled_from(nulls))
    prefixes = ("ForAllValues:", "ForAnyValue:") if key in LISTS else ("", "", "", "ForAllValues:", "ForAnyValue:")
    test = draw(st.sampled_from(tests))
    choices = values + VARIABLES if test.startswith(("String", "Arn")) and shape <= 3 else values
    chosen = draw(st.lists(st.sampled_from(choices), min_size=1, max_size=3, unique=True))
    operator = draw(st.sampled_from(prefixes)) + test
    if not operator.startswith("ForAny") and draw(st.integers(0, 3)) == 0:
        operator += "IfExists"
    return operator, chosen[0] if len(chosen) == 1 else chosen


@st.composite
def statements(draw: st.DrawFn, effect: str) -> dict[str, Any]:
    """A statement."""
    made: dict[str, Any] = {"Effect": effect}
    made[_negated(draw, "Principal")] = draw(st.sampled_from(PRINCIPALS))
    made[_negated(draw, "Action")] = draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2, unique=True))
    made[_negated(draw, "Resource")] = draw(st.sampled_from(RESOURCES))
    tested: dict[str, dict[str, Any]] = {}
    for key in draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=2, unique=True)):
        operator, values = draw(conditions(key))
        tested.setdefault(operator, {})[draw(st.sampled_from([key, key, key.lower(), key.upper()]))] = values
    if draw(st.integers(0, 39)) == 0:
        made.pop("Resource", None)  # then the statement has no effect
    return made | ({"Condition": tested} if tested else {})


def _negated(draw: st.DrawFn, element: str) -> str:
    return f"Not{element}" if draw(st.integers(0, 11)) == 0 else element


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    """A key policy with an `Allow` and up to three more statements."""
    effects = draw(st.lists(st.sampled_from(["Allow", "Deny", "Deny"]), max_size=3))
    first = {"Effect": "Allow", "Principal": draw(st.sampled_from(PRINCIPALS[:4])), "Action": "kms:*", "Resource": "*"}
    first = draw(st.sampled_from([first, first, None])) or draw(statements("Allow"))
    version = draw(st.sampled_from([{"Version": "2012-10-17"}] * 3 + [{"Version": "2008-10-17"}, {}]))
    return {**version, "Statement": [first, *(draw(statements(effect)) for effect in effects)]}


def _mentioned(policy: dict[str, Any]) -> list[str]:
    """The condition keys that the policy asks about; a request that carries others changes nothing."""
    asked = {
        key.lower()
        for statement in policy["Statement"]
        for tested in statement.get("Condition", {}).values()
        for key in tested
    }
    if "${" in str(policy):
        asked |= {"aws:principaltag/team", "aws:sourcevpce"}
    return [key for key in sorted(KEYS) if key.lower() in asked]


def _plain(key: str) -> list[str]:
    """Values that a request can have: no networks, no ARN patterns, not empty; text with stars, there only text."""
    values = [value for value in KEYS[key][0] if value]
    if key in ADDRESSES:
        return [value for value in values if "/" not in value]
    return [value for value in values if "*" not in value] if key in ARNS else values


@st.composite
def requests(draw: st.DrawFn, policy: dict[str, Any]) -> Request:
    """A request with some of the keys that the policy asks about."""
    context: dict[str, str | tuple[str, ...]] = {}
    for key in _mentioned(policy):
        choices = [None, *_plain(key)]
        if key in LISTS:
            context |= {key: tuple(draw(st.lists(st.sampled_from(LISTS[key]), min_size=1, max_size=2, unique=True)))}
            if draw(st.integers(0, 3)) == 0:
                del context[key]
        elif (value := draw(st.sampled_from(choices))) is not None:
            context[key] = value
    return Request(draw(st.sampled_from(CALLERS)), draw(st.sampled_from(OPERATIONS)), KEY.arn, context)


@st.composite
def exams(draw: st.DrawFn, questions: int) -> tuple[dict[str, Any], list[Request]]:
    """A policy, and as many requests to put to it."""
    policy = draw(policies())
    return policy, draw(st.lists(requests(policy), min_size=questions, max_size=questions))
