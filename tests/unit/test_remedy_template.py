"""The strategy `template`: the approved policies that come with the service, and those of one's own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kms_perimeter import remedy
from kms_perimeter.perimeter import Perimeter, Rule, Strategy, Template, load
from kms_perimeter.policy import operations
from kms_perimeter.policy.key import Key
from kms_perimeter.verdict import Outcome
from tests.unit.remedies import (
    ADMINISTRATION,
    BOTH,
    ENDPOINT,
    GUARD,
    GUARD_IN_VPC,
    KEY,
    OURS,
    PARTNER,
    PERIMETER,
    USE,
    VPC,
    a_policy,
    allow,
    failed,
    said,
    statements,
)

OPEN = a_policy(allow("*"))
KINDS = {
    "symmetric": ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"),
    "RSA": ("ENCRYPT_DECRYPT", "RSA_2048"),
    "signing": ("SIGN_VERIFY", "ECC_NIST_P256"),
    "MAC": ("GENERATE_VERIFY_MAC", "HMAC_256"),
    "agreement": ("KEY_AGREEMENT", "ECC_NIST_P384"),
}


def rendered(key: Key, perimeter: Perimeter, standpoint: remedy.Standpoint = GUARD_IN_VPC) -> remedy.Plan:
    """The plan for an open key."""
    return remedy.plan(OPEN, key, perimeter, strategy=Strategy.TEMPLATE, standpoint=standpoint)


@pytest.mark.parametrize("perimeter", [PERIMETER, BOTH], ids=["first example", "second example"])
@pytest.mark.parametrize(("usage", "spec"), KINDS.values(), ids=KINDS)
def test_both_shapes_fit_every_kind_of_key(usage: str, spec: str, perimeter: Perimeter) -> None:
    """The policy is enclosed, is put, and names cryptographic operations of this kind of key and no others."""
    key = replace(KEY, usage=usage, spec=spec)

    plan = rendered(key, perimeter)

    named = {op for s in statements(plan) for op in s["Action"] if op in operations.GROUPS["cryptographic"]}
    assert (plan.verdict.outcome, plan.refused) == (Outcome.ENCLOSED, None)
    assert named == {op.name for op in operations.possible_on(key) if op.group == "cryptographic"}


def test_the_first_shape() -> None:
    """Every IAM policy of the account counts, and a `Deny` keeps the use to the endpoint."""
    enable, restrict = statements(rendered(KEY, PERIMETER))

    assert enable == allow(OURS, ["kms:*"], Sid="Enable IAM policies")
    assert (restrict["Effect"], restrict["Principal"]) == ("Deny", "*")
    assert restrict["Condition"]["StringNotEqualsIfExists"] == {"aws:SourceVpce": ENDPOINT}


def test_the_second_shape() -> None:
    """Administration and grants from one VPC, use from another network, reads from everywhere."""
    by_sid = {s["Sid"]: s for s in statements(rendered(KEY, BOTH))}

    administration = by_sid["Allow administration from approved VPCs"]
    assert {"kms:PutKeyPolicy", "kms:CreateGrant", "kms:RevokeGrant"} <= set(administration["Action"])
    assert administration["Condition"] == {"StringEquals": {"aws:SourceVpc": [VPC]}}
    assert by_sid["Allow use from approved endpoints"]["Condition"] == {"StringEquals": {"aws:SourceVpce": [ENDPOINT]}}
    assert "Condition" not in by_sid["Allow reads from everywhere"]
    assert {"kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"} <= set(
        by_sid["Allow reads from everywhere"]["Action"]
    )


@pytest.mark.parametrize(
    "rules",
    [
        (USE, Rule("administration", ("kms:PutKeyPolicy",), (), (VPC,))),
        (ADMINISTRATION,),
        (USE, ADMINISTRATION, Rule("grants", ("grants",), (ENDPOINT,))),
        (Rule("all", ("kms:*",), (ENDPOINT,), (VPC,), (PARTNER,), ("o-a1b2c3d4e5",)),),
    ],
    ids=["one operation of administration", "administration only", "grants by a rule", "everything by one rule"],
)
def test_within_the_account_nobody_loses_what_the_perimeter_lets_them(rules: tuple[Rule, ...]) -> None:
    """What no rule covers stays possible from everywhere, but for giving the key away."""
    plan = remedy.plan(
        a_policy(allow()), KEY, Perimeter("p", rules), strategy=Strategy.TEMPLATE, standpoint=GUARD_IN_VPC
    )

    assert plan.verdict.outcome is Outcome.ENCLOSED
    assert [loss for loss in plan.losses if "Grant" not in loss] == []


PAYMENTS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Id": "payments in ${kms-perimeter:region}",
    "Statement": [
        {
            "Sid": "Administration",
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:${kms-perimeter:partition}:iam::${kms-perimeter:account}:root"]},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "Use",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["${kms-perimeter:operations:use}"],
            "Resource": "*",
            "Condition": {
                "StringNotEqualsIfExists": {"aws:SourceVpce": ["${kms-perimeter:vpc_endpoints:use}"]},
                "BoolIfExists": {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": False},
            },
        },
    ],
}


def a_file(template: dict[str, Any] = PAYMENTS, **members: object) -> Perimeter:
    """The one perimeter of a file with this template."""
    rule = {"name": "use", "operations": ["cryptographic"], "vpc_endpoints": [ENDPOINT]}
    perimeter = {"name": "p", "rules": [rule], "strategy": "template", "template": "payments"} | members
    return load(json.dumps({"version": 1, "perimeters": [perimeter], "templates": {"payments": template}})).perimeters[
        0
    ]


@pytest.mark.parametrize(("usage", "spec"), KINDS.values(), ids=KINDS)
def test_a_template_of_ones_own_has_the_keys_values(usage: str, spec: str) -> None:
    """Texts, lists and the operations of the key's own kind take the placeholders' place."""
    key = replace(KEY, usage=usage, spec=spec)

    plan = rendered(key, a_file(), GUARD)

    administration, use = statements(plan)
    assert plan.refused is None
    assert json.loads(plan.policy)["Id"] == "payments in us-east-1"
    assert administration["Principal"] == {"AWS": [f"arn:aws:iam::{OURS}:root"]}
    assert use["Action"] == sorted(op.name for op in operations.possible_on(key) if op.group == "cryptographic")
    assert use["Condition"]["StringNotEqualsIfExists"] == {"aws:SourceVpce": [ENDPOINT]}
    assert use["Condition"]["BoolIfExists"]["aws:PrincipalIsAWSService"] is False
    assert "kms-perimeter:" not in plan.policy


def test_a_list_is_a_text_where_there_is_one_value_and_a_list_where_there_are_more() -> None:
    """A list that does not stand in a list becomes what a policy may have there."""
    template = json.loads(json.dumps(PAYMENTS))
    template["Statement"][1]["Condition"]["StringNotEqualsIfExists"] = {
        "aws:SourceVpce": "${kms-perimeter:vpc_endpoints:use}"
    }
    more = [{"name": "use", "operations": ["cryptographic"], "vpc_endpoints": [ENDPOINT, "vpce-1a2b3c4d"]}]

    one, two = (rendered(KEY, p, GUARD) for p in (a_file(template), a_file(template, rules=more)))

    networks = [statements(plan)[1]["Condition"]["StringNotEqualsIfExists"]["aws:SourceVpce"] for plan in (one, two)]
    assert networks == [ENDPOINT, [ENDPOINT, "vpce-1a2b3c4d"]]
    assert (one.refused, two.refused) == (None, None)


def test_a_statement_about_what_the_key_cannot_do_is_left_out() -> None:
    """A rule for signing has nothing to say of a symmetric key."""
    signing = {"name": "use", "operations": ["kms:Sign", "kms:Verify"], "vpc_endpoints": [ENDPOINT]}
    use = {"name": "all", "operations": ["kms:Decrypt"], "vpc_endpoints": [ENDPOINT]}
    template = json.loads(json.dumps(PAYMENTS))
    template["Statement"].append(template["Statement"][1] | {"Action": "${kms-perimeter:operations:all}", "Sid": "All"})

    plan = rendered(KEY, a_file(template, rules=[signing, use]), GUARD)

    assert [s["Sid"] for s in statements(plan)] == ["Administration", "All"]
    assert plan.refused is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Action": "kms:Decrypt"}, "the new policy would not be enclosed"),
        ({"Effect": "Allow"}, "the new policy would not be enclosed"),
        ({"Action": "*", "Condition": {}}, "nobody but AWS Support could change the new policy again"),
    ],
    ids=["not every operation", "a slip of the pen", "a lockout"],
)
def test_a_template_of_ones_own_is_proved_like_any_policy(change: dict[str, Any], reason: str) -> None:
    """That somebody has approved of it is no proof."""
    template = json.loads(json.dumps(PAYMENTS))
    template["Statement"][1] |= change

    assert reason in str(rendered(KEY, a_file(template), GUARD).refused)


def test_a_template_without_a_way_for_services_is_told() -> None:
    """It is for the owner to want that; the plan says so."""
    template = json.loads(json.dumps(PAYMENTS))
    del template["Statement"][1]["Condition"]["BoolIfExists"]

    plan = remedy.plan(a_policy(allow()), KEY, a_file(template), standpoint=GUARD)

    assert (plan.refused, failed(plan)) == (None, ["nothing-lost", "services-keep-their-way"])
    assert "through AWS services" in said(plan, "nothing-lost")


def test_what_is_not_known_of_the_key_refuses_the_plan() -> None:
    """A policy file on a laptop says nothing of the key's Region."""
    plan = remedy.plan(OPEN, Key(account=OURS), a_file())

    assert plan.refused == "the template: `${kms-perimeter:region}` is not known of the key"
    assert (plan.changed, plan.policy) == (False, OPEN)


def test_values_are_data() -> None:
    """What takes a placeholder's place is not looked at for placeholders again."""
    text = json.dumps({"Statement": [allow("${kms-perimeter:account}")]})
    odd = replace(a_file(), template=Template("x", text))

    plan = remedy.plan(OPEN, replace(KEY, account="${kms-perimeter:account}"), odd)

    assert json.loads(plan.policy)["Statement"][0]["Principal"] == {"AWS": "${kms-perimeter:account}"}
