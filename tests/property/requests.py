"""Hypothesis strategies: requests that AWS could see, built from the table of SEMANTICS B and not from our search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from kms_perimeter.policy import document, evaluator
from kms_perimeter.policy.key import Key
from kms_perimeter.policy.request import Request
from tests.conformance.outside import is_outside
from tests.property.policies import (
    OTHER_ENDPOINT,
    OTHER_VPC,
    OUR_ENDPOINT,
    OUR_VPC,
    OURS,
    PARTNER,
    STRANGER,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.perimeter import Perimeter

KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
ARNS = [
    *(f"arn:aws:iam::{account}:role/{name}" for account in (OURS, PARTNER, STRANGER) for name in ("Admin", "x")),
    f"arn:aws:iam::{OURS}:user/alice",
    f"arn:aws:iam::{PARTNER}:user/bob",
    f"arn:aws:iam::{OURS}:role/BreakGlass",
    f"arn:aws:sts::{OURS}:assumed-role/Admin/session",
]
OPERATIONS = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:PutKeyPolicy", "kms:TagResource"]  # fmt: skip  # noqa: E501
MAYBE = {
    "aws:PrincipalOrgID": ["o-a1b2c3d4e5", "o-zzzzzzzzzz"],
    "aws:PrincipalTag/team": ["blue", "red", "alice", "green"],
    "aws:MultiFactorAuthPresent": ["true", "false"],
    "aws:MultiFactorAuthAge": ["10", "300", "9999"],
    "kms:EncryptionContext:app": ["billing", "b", "other"],
}


def lost_inside(before: str, after: str, perimeter: Perimeter, sent: Iterable[Request]) -> list[Request]:
    """Those of the requests from inside that the one policy lets through and the other does not."""
    old, new = document.parse(before), document.parse(after)
    return [
        request
        for request in sent
        if not is_outside(request, perimeter, KEY)
        and evaluator.evaluate(old, request, KEY).decision == evaluator.ALLOWED
        and evaluator.evaluate(new, request, KEY).decision != evaluator.ALLOWED
    ]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request from the internet, through an endpoint, or by an AWS service on behalf of somebody."""
    arn = draw(st.sampled_from(ARNS))
    account = arn.split(":")[4]
    origin = draw(st.sampled_from(["internet", "endpoint", "behalf"]))
    role = f"arn:aws:iam::{account}:role/Admin" if ":assumed-role/" in arn else arn
    context: dict[str, str | tuple[str, ...]] = {
        "aws:PrincipalArn": role,
        "aws:PrincipalAccount": account,
        "kms:CallerAccount": account,
        "aws:ViaAWSService": str(origin == "behalf").lower(),
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": "true",
        "aws:ResourceAccount": OURS,
        "aws:CurrentTime": draw(
            st.sampled_from(["2025-12-01T00:00:00Z", "2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"])
        ),
    }
    if ":user/" in arn:
        context["aws:username"] = arn.rpartition("/")[2]
    context |= draw(_network(origin))
    for key, values in MAYBE.items():
        if value := draw(st.sampled_from([None, *values])):
            context[key] = value
    if "kms:EncryptionContext:app" in context:
        context["kms:EncryptionContextKeys"] = draw(st.sampled_from([("app",), ("app", "tenant")]))
    return Request(arn, draw(st.sampled_from(OPERATIONS)), KEY.arn, context)


@st.composite
def _network(draw: st.DrawFn, origin: str) -> dict[str, str | tuple[str, ...]]:
    if origin == "internet":
        return {"aws:SourceIp": draw(st.sampled_from(["203.0.113.9", "10.1.2.3", "198.51.100.1", "2001:db8::1"]))}
    if origin == "endpoint":
        return {
            "aws:SourceVpce": draw(st.sampled_from([OUR_ENDPOINT, OTHER_ENDPOINT, "vpce-0ccccccccccccccca"])),
            "aws:SourceVpc": draw(st.sampled_from([OUR_VPC, OTHER_VPC, "vpc-0cccccccccccccccc"])),
        }
    service = draw(st.sampled_from(["s3", "athena"]))
    made: dict[str, str | tuple[str, ...]] = {"aws:CalledVia": (f"{service}.amazonaws.com",)}
    if draw(st.booleans()):
        made["kms:ViaService"] = f"{service}.us-east-1.amazonaws.com"
    return made
