"""Each advisory where it belongs, word for word, and not where a policy is nearly the same."""

from __future__ import annotations

from typing import Any

import pytest

from kms_perimeter.verdict import judge
from tests.unit.policy.written import ENDPOINT, KEY, OURS, PERIMETER, allow, deny, policy

NETWORK = {"StringNotEquals": {"aws:SourceVpce": ENDPOINT}}
THROUGH = {**NETWORK, "Bool": {"aws:ViaAWSService": "false"}}
GUARD = deny(Condition=THROUGH)
PUT = allow(Action="kms:PutKeyPolicy", Condition={"StringEquals": {"aws:SourceVpce": ENDPOINT}})
Statements = list[dict[str, Any]]

SAID: dict[str, tuple[Statements, int | None, str]] = {
    "source-ip-ineffective": (
        [allow(), deny(Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})],
        1,
        "a request over a VPC endpoint carries no `aws:SourceIp`, so this says nothing about it",
    ),
    "breaks-integrated-services": (
        [allow(), deny(Condition=NETWORK)],
        1,
        "no AWS service can use the key for anybody: such a request carries no VPC or endpoint",
    ),
    "grants-bypass": (
        [allow(Condition={"StringEquals": {"aws:SourceVpce": ENDPOINT}})],
        0,
        "a grant is bound by no condition of an `Allow`: who may create one can give the use of the key away",
    ),
    "lockout-risk": (
        [allow(Action="kms:Decrypt"), GUARD],
        None,
        "nobody that this policy admits could change it again; the way back would be AWS Support",
    ),
    "condition-never-true": (
        [allow(), GUARD, deny(Condition={"StringEquals": {"aws:SourceVpce": "*"}})],
        2,
        "no request has a `aws:SourceVpce` that StringEquals `*`",
    ),
    "unknown-condition-key": (
        [allow(), GUARD, deny(Condition={"StringEquals": {"kms:SourceVpce": ENDPOINT}})],
        2,
        "`kms:SourceVpce` is no condition key that AWS documents for KMS",
    ),
    "placeholder-network": (
        [allow(), deny(Condition={**THROUGH, "StringNotEquals": {"aws:SourceVpce": [ENDPOINT, "vpce-1a2b3c4d"]}})],
        1,
        "`vpce-1a2b3c4d` is an ID from documentation",
    ),
    "deny-not-principal": (
        [allow(), deny(NotPrincipal={"AWS": f"arn:aws:iam::{OURS}:role/Admin"})],
        1,
        "`Deny` with `NotPrincipal` also denies everybody whose account is not listed",
    ),
}
NOT_SAID: dict[str, Statements] = {
    "source-ip-ineffective": [allow(), deny(Condition={"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}})],
    "breaks-integrated-services": [allow(), GUARD],
    "grants-bypass": [allow(), deny(Condition=NETWORK)],
    "lockout-risk": [allow(), GUARD],
    "condition-never-true": [allow(), GUARD, deny(Condition={"StringLike": {"aws:SourceVpce": "*"}})],
    "unknown-condition-key": [allow(), GUARD, deny(Condition={"StringEquals": {"AWS:sourcevpce": ENDPOINT}})],
    "placeholder-network": [allow(), GUARD],
    "deny-not-principal": [allow(Principal={"AWS": OURS}), GUARD],
}


@pytest.mark.parametrize("code", SAID)
def test_an_advisory_is_said_of_the_statement_that_it_is_about(code: str) -> None:
    """Code, statement and sentence, once."""
    statements, about, message = SAID[code]

    said = [a for a in judge(policy(*statements), KEY, PERIMETER).advisories if a.code == code]

    assert [(a.statement.index if a.statement else None, a.message) for a in said] == [(about, message)]


@pytest.mark.parametrize("code", NOT_SAID)
def test_an_advisory_is_not_said_without_its_reason(code: str) -> None:
    """A policy that differs in just what matters gets no such advisory."""
    said = {advisory.code for advisory in judge(policy(*NOT_SAID[code]), KEY, PERIMETER).advisories}

    assert code not in said


def test_a_way_through_services_for_strangers_with_a_grant_is_told_apart() -> None:
    """A guard that spares services leaves grants to strangers a way through them, which is said as just that."""
    said = [a.message for a in judge(policy(allow(), GUARD), KEY, PERIMETER).advisories if a.code == "grants-bypass"]

    assert said == [
        (
            "who may create a grant can let principals of other accounts use the key, though only through AWS services,"
            " which the `Deny` statements let through"
        )
    ]
