"""Plans: what a remediation would do, and each reason why it must not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kms_perimeter import remedy
from kms_perimeter.perimeter import Perimeter, Rule, ServiceTrust, Strategy
from kms_perimeter.policy.key import Key
from kms_perimeter.verdict import Outcome

OURS = "111122223333"
ROLE = f"arn:aws:iam::{OURS}:role/guard"
KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
USE = Rule("use", ("cryptographic",), ("vpce-0a1b2c3d4e5f60718",))
ADMINISTRATION = Rule("administration", ("administrative",), (), ("vpc-0a1b2c3d4e5f60718",))
PERIMETER = Perimeter("default", (USE,))


def a_policy(*statements: str) -> str:
    """The text of a policy with these statements, as they are."""
    return '{"Version": "2012-10-17",\n "Statement": [' + ",\n  ".join(statements) + "]}"


def an_allow(principal: object = OURS, action: str = "kms:*", sid: str = "Open") -> str:
    """The text of a statement, spaced in a way of its own."""
    who = '"*"' if principal == "*" else f'{{"AWS": {json.dumps(principal)}}}'
    return f'{{  "Sid":"{sid}", "Effect": "Allow","Principal" : {who}, "Action":"{action}",  "Resource": "*"}}'


def sids(plan: remedy.Plan) -> list[str]:
    """The Sids of the statements of the new policy."""
    return [statement["Sid"] for statement in json.loads(plan.policy)["Statement"]]


def test_the_guard_keeps_every_other_statement_byte_for_byte() -> None:
    """What people wrote stays as they wrote it, spaces and all."""
    first, second = an_allow(), an_allow(action="kms:Decrypt", sid="More of it")

    plan = remedy.plan(a_policy(first, second), KEY, PERIMETER)

    assert plan.verdict.outcome is Outcome.ENCLOSED
    assert (first in plan.policy, second in plan.policy) == (True, True)
    assert sids(plan) == ["Open", "More of it", "KmsPerimeterGuardUse"]


def test_a_second_plan_changes_nothing() -> None:
    """The guard's own policy is its own plan."""
    plan = remedy.plan(a_policy(an_allow()), KEY, PERIMETER)

    again = remedy.plan(plan.policy, KEY, PERIMETER)

    assert (again.changed, again.policy, again.diff, again.refused) == (False, plan.policy, "", None)


def test_an_enclosed_policy_is_left_as_it_is() -> None:
    """Where nothing escapes, the policy is handed back untouched."""
    text = a_policy(an_allow(principal=f"arn:aws:iam::{OURS}:root", action="kms:Describe*"))

    plan = remedy.plan(text, KEY, PERIMETER)

    assert (plan.policy, plan.changed) == (text, False)


def test_the_guard_follows_a_changed_perimeter_in_its_own_statement() -> None:
    """Another approved endpoint changes the earlier guard statement and adds none."""
    plan = remedy.plan(a_policy(an_allow()), KEY, PERIMETER)
    wider = Perimeter("default", (Rule("use", ("cryptographic",), (*USE.vpc_endpoints, "vpce-0bbbbbbbbbbbbbbbb")),))

    followed = remedy.plan(plan.policy, KEY, wider)

    assert followed.changed
    assert sids(followed) == ["Open", "KmsPerimeterGuardUse"]
    assert "vpce-0bbbbbbbbbbbbbbbb" in followed.policy


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (OURS, ["Open", "KmsPerimeterGuardUse"]),
        ("*", ["Open", "KmsPerimeterGuardUse", "KmsPerimeterGuardUseStrangers"]),
        ("444455556666", ["Open", "KmsPerimeterGuardUse", "KmsPerimeterGuardUseStrangers"]),
    ],
)
def test_strangers_are_shut_out_of_aws_services_only_where_they_are_let_in(principal: str, expected: list[str]) -> None:
    """The second statement is there only if some `Allow` lets principals of other accounts in."""
    plan = remedy.plan(a_policy(an_allow(), an_allow(principal, sid="Open too")), KEY, PERIMETER)

    assert [sid for sid in sids(plan) if sid != "Open too"] == expected
    assert plan.verdict.outcome is Outcome.ENCLOSED


def test_the_way_through_is_what_the_perimeter_states() -> None:
    """AWS services and break-glass principals are let through only where the perimeter does."""
    glass = f"arn:aws:iam::{OURS}:role/BreakGlass"
    strict = Perimeter("p", (USE,), aws_services=ServiceTrust.DENIED, break_glass_principals=(glass,))

    condition = json.loads(remedy.plan(a_policy(an_allow()), KEY, strict).policy)["Statement"][-1]["Condition"]

    assert condition == {
        "StringNotEqualsIfExists": {"aws:SourceVpce": USE.vpc_endpoints[0]},
        "ArnNotLikeIfExists": {"aws:PrincipalArn": glass},
    }


def test_an_operation_of_two_rules_may_come_from_the_networks_of_both() -> None:
    """The guard denies an operation only from where no rule lets it come."""
    decrypt = Rule("decrypt", ("kms:Decrypt",), (), ("vpc-0bbbbbbbbbbbbbbbb",))

    plan = remedy.plan(a_policy(an_allow()), KEY, Perimeter("p", (USE, decrypt)))

    bound = {s["Sid"]: s for s in json.loads(plan.policy)["Statement"][1:]}
    networks = [s["Condition"]["StringNotEqualsIfExists"] for s in bound.values() if "kms:Decrypt" in s["Action"]]
    assert networks == [{"aws:SourceVpce": USE.vpc_endpoints[0], "aws:SourceVpc": "vpc-0bbbbbbbbbbbbbbbb"}]
    assert plan.verdict.outcome is Outcome.ENCLOSED


@pytest.mark.parametrize(
    ("usage", "spec"),
    [
        ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"),
        ("ENCRYPT_DECRYPT", "RSA_2048"),
        ("SIGN_VERIFY", "ECC_NIST_P256"),
        ("GENERATE_VERIFY_MAC", "HMAC_256"),
        ("KEY_AGREEMENT", "ECC_NIST_P384"),
    ],
)
@pytest.mark.parametrize("strategy", [Strategy.GUARD, Strategy.TEMPLATE])
def test_every_kind_of_key_can_be_enclosed(usage: str, spec: str, strategy: Strategy) -> None:
    """Both strategies enclose what the key can do, for each usage."""
    key = Key(account=OURS, region="us-east-1", key_id=KEY.key_id, usage=usage, spec=spec)

    plan = remedy.plan(a_policy(an_allow()), key, PERIMETER, strategy=strategy, standpoint=remedy.Standpoint(ROLE))

    assert (plan.verdict.outcome, plan.refused, plan.changed) == (Outcome.ENCLOSED, None, True)


def test_the_template_for_administration_has_the_shape_of_the_second_example() -> None:
    """Use and administration from their networks, reads from everywhere."""
    plan = remedy.plan(a_policy(an_allow()), KEY, Perimeter("p", (USE, ADMINISTRATION)), strategy=Strategy.TEMPLATE)

    assert sids(plan) == [
        "Allow use from approved endpoints",
        "Allow use through AWS services",
        "Allow administration from approved VPCs",
        "Allow administration through AWS services",
        "Allow reads from everywhere",
    ]
    assert plan.verdict.outcome is Outcome.ENCLOSED


def refusal(text: str, **more: Any) -> str:  # noqa: ANN401
    """Why the plan for a policy is refused."""
    perimeter = more.pop("perimeter", PERIMETER)
    return str(remedy.plan(text, KEY, perimeter, **more).refused)


def test_the_guard_does_not_lock_itself_out() -> None:
    """Under a rule for administration, a guard outside every VPC could not change the policy again."""
    both = Perimeter("p", (USE, ADMINISTRATION))

    assert "the guard could not change the new policy again" in refusal(
        a_policy(an_allow()), perimeter=both, standpoint=remedy.Standpoint(ROLE)
    )


def test_somebody_else_must_be_able_to_change_the_policy() -> None:
    """A policy that nobody could change is not put."""
    only_use = a_policy(an_allow(action="kms:Decrypt"))

    assert refusal(only_use) == "nobody but AWS Support could change the new policy again"


def test_a_deleted_principal_is_named() -> None:
    """KMS refuses a policy with the unique ID of a deleted role, so it is said which."""
    text = a_policy(an_allow(), an_allow(principal="AROAEXAMPLEID12345678", sid="Gone"))

    assert "principal `AROAEXAMPLEID12345678` in statement 1 (`Gone`) was deleted" in refusal(text)


def test_a_policy_that_is_too_long_is_not_put() -> None:
    """The limit of 32 KiB counts for the policy with the guard statement in it."""
    assert "AWS KMS takes 32768" in refusal(a_policy(an_allow(sid="x" * 32_500)))


def test_grants_of_aws_services_keep_the_guard_away_unless_the_perimeter_says_so() -> None:
    """A key that services use through grants is fixed only where somebody has said so in as many words."""
    said = Perimeter("p", (USE,), fix_keys_with_service_grants=True)
    text, grants = a_policy(an_allow()), ("Amazon EBS",)

    assert "AWS services use the key through a grant (Amazon EBS)" in refusal(text, service_grants=grants)
    assert refusal(text, perimeter=said, service_grants=grants) == "None"


def test_a_malformed_policy_has_no_plan() -> None:
    """What cannot be read is not changed."""
    plan = remedy.plan("{", KEY, PERIMETER)

    assert (plan.changed, plan.verdict.outcome) == (False, Outcome.MALFORMED)
    assert str(plan.refused).startswith("the present policy is malformed: ")


def test_restore_takes_the_last_enclosed_policy_or_says_that_there_is_none() -> None:
    """The strategy `restore` needs the ledger."""
    enclosed = remedy.plan(a_policy(an_allow()), KEY, PERIMETER).policy
    text = a_policy(an_allow(principal="*"))

    plan = remedy.plan(text, KEY, PERIMETER, strategy=Strategy.RESTORE, last_enclosed=enclosed)

    assert (plan.policy, plan.refused) == (enclosed, None)
    assert "the ledger has no enclosed policy" in refusal(text, strategy=Strategy.RESTORE)
