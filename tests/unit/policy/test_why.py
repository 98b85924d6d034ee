"""The sentence beside each escape: which statement lets it through, and for each Deny why it does not stop it."""

from __future__ import annotations

from typing import Any

import pytest

from kms_perimeter.perimeter import Perimeter, Rule, ServiceTrust
from kms_perimeter.verdict import Route, judge
from tests.unit.policy.written import ENDPOINT, FOREIGN, KEY, OURS, PARTNER, PERIMETER, allow, deny, policy

LEFT_TO_IAM = f"statement 0 leaves it to the IAM policies of account {OURS}, one of which may allow `kms:Decrypt`"
IAM = f"{LEFT_TO_IAM} from the internet"
ROLE = f"arn:aws:iam::{OURS}:role/App"

SENTENCES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no Deny at all": ([allow()], f"{IAM}; no `Deny` is about it"),
    "a Deny about another operation": ([allow(), deny(Action="kms:Encrypt")], f"{IAM}; no `Deny` is about it"),
    "a Deny for somebody else": (
        [allow(), deny(Principal={"AWS": PARTNER})],
        f"{IAM}; statement 1 does not stop it: it is not about this caller",
    ),
    "a Deny with a name, whose key is absent": (
        [allow(), deny(Sid="Foreign endpoints", Condition={"StringEquals": {"aws:SourceVpce": FOREIGN}})],
        (
            f"{IAM}; statement 1 (`Foreign endpoints`) does not stop it: `StringEquals` `aws:SourceVpce` `{FOREIGN}` is"
            " false where the key is absent"
        ),
    ),
    "a Deny whose key says something else": (
        [allow(), deny(Condition={"Bool": {"aws:ViaAWSService": "true"}})],
        f"{IAM}; statement 1 does not stop it: `Bool` `aws:ViaAWSService` `true` is false where the key is `false`",
    ),
    "a Deny with many values": (
        [allow(), deny(Condition={"StringEquals": {"aws:PrincipalTag/t": ["a", "b", "c", "d"]}})],
        (
            f"{IAM}; statement 1 does not stop it: `StringEquals` `aws:PrincipalTag/t` `a, b, c, …`"
            f" is false where the key is"
            " absent"
        ),
    ),
    "a Deny on a list": (
        [
            allow(Condition={"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "app"}}),
            deny(Condition={"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "tenant"}}),
        ],
        (
            f"{IAM}; statement 1 does not stop it: `ForAnyValue:StringEquals`"
            f" `kms:EncryptionContextKeys` `tenant` is false"
            " where the key is `app`"
        ),
    ),
    "two Denies, each for its own reason": (
        [
            allow(),
            deny(Condition={"StringNotEquals": {"aws:SourceVpce": ENDPOINT, "aws:PrincipalTag/team": "ops"}}),
            deny(Principal={"AWS": PARTNER}),
        ],
        (
            f"{IAM}; statement 1 does not stop it: `StringNotEquals` `aws:PrincipalTag/team` `ops` is"
            f" false where the key is"
            " `ops`; statement 2 does not stop it: it is not about this caller"
        ),
    ),
    "a Deny about a key that the variable does not name": (
        [allow(), deny(Resource="arn:aws:kms:*:*:key/${aws:PrincipalTag/key}")],
        (
            f"{IAM}; statement 1 does not stop it: `Resource` `aws:principaltag/key`"
            " `arn:aws:kms:*:*:key/${aws:PrincipalTag/key}` is false where the key is absent"
        ),
    ),
    "the caller is named": (
        [allow({"AWS": ROLE})],
        "statement 0 names the caller and allows `kms:Decrypt` from the internet; no `Deny` is about it",
    ),
    "from an endpoint that is not approved": (
        [allow({"AWS": ROLE}, Condition={"Null": {"aws:SourceVpce": "false"}})],
        (
            "statement 0 names the caller and allows `kms:Decrypt` from a VPC endpoint that is not"
            " approved; no `Deny` is"
            " about it"
        ),
    ),
    "through a service": (
        [allow("*", Condition={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})],
        "statement 0 names the caller and allows `kms:Decrypt` through an AWS service; no `Deny` is about it",
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_an_escape_says_why(name: str) -> None:
    """Word for word."""
    statements, sentence = SENTENCES[name]

    [escape] = judge(policy(*statements), KEY, PERIMETER).escapes

    assert escape.why == sentence


def test_a_service_principal_is_told_as_one() -> None:
    """Where services are denied, the escape of one says so."""
    perimeter = Perimeter("strict", (Rule("use", ("kms:Decrypt",), (ENDPOINT,)),), aws_services=ServiceTrust.DENIED)

    [escape] = judge(policy(allow({"Service": "logs.us-east-1.amazonaws.com"})), KEY, perimeter).escapes

    assert (
        escape.why == "statement 0 names the caller and allows `kms:Decrypt` to an AWS service; no `Deny` is about it"
    )


def test_a_grant_says_who_can_make_it_and_why_no_deny_binds_its_grantee() -> None:
    """The route by a grant names the statement on `kms:CreateGrant`, and each Deny about the operation."""
    statements = [
        allow(Action="kms:CreateGrant"),
        deny(Action="kms:Decrypt", Condition={"StringEquals": {"aws:SourceVpce": FOREIGN}}),
    ]

    [escape] = judge(policy(*statements), KEY, PERIMETER).escapes

    assert escape.route is Route.GRANT
    assert escape.why == (
        "statement 0 allows `kms:CreateGrant` from the internet, and no condition of an `Allow` binds a grant on"
        " `kms:Decrypt`, so its grantee can use the key from the internet; statement 1 does not stop it: `StringEquals`"
        f" `aws:SourceVpce` `{FOREIGN}` is false where the key is absent"
    )
