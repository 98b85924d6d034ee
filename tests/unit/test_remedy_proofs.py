"""The proofs of a plan: for each a policy for which it holds, and one for which it does not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kms_perimeter import remedy
from kms_perimeter.perimeter import Perimeter, Rule, ServiceTrust, Strategy
from kms_perimeter.policy.key import Key
from kms_perimeter.verdict import Outcome
from tests.unit.remedies import (
    BOTH,
    ENDPOINT,
    GUARD,
    GUARD_IN_VPC,
    KEY,
    OTHER_ENDPOINT,
    OURS,
    PARTNER,
    PERIMETER,
    USE,
    VPC,
    a_policy,
    allow,
    deny,
    failed,
    said,
)

APP = f"arn:aws:iam::{OURS}:role/App"
ADMIN = f"arn:aws:iam::{OURS}:role/Admin"
OPEN = a_policy(allow())
PUT = ["kms:GetKeyPolicy", "kms:PutKeyPolicy"]


def restored(before: str, after: str, **more: Any) -> remedy.Plan:  # noqa: ANN401
    """The plan to put back a policy as it is: the way to prove any policy against any other."""
    perimeter = more.pop("perimeter", PERIMETER)
    return remedy.plan(before, KEY, perimeter, strategy=Strategy.RESTORE, last_enclosed=after, **more)


def test_every_proof_is_there_in_its_order_and_as_data() -> None:
    """Whoever shows a plan shows each proof, with a fixed code, whether it holds, and a sentence."""
    plan = remedy.plan(OPEN, KEY, PERIMETER, standpoint=GUARD)

    data = json.loads(json.dumps(plan.to_json()))

    assert [proof["code"] for proof in data["proofs"]] == [code.value for code in remedy.ProofCode]
    assert all(proof["holds"] and proof["binding"] and proof["sentence"] for proof in data["proofs"])
    assert (data["strategy"], data["changed"], data["refused"], data["losses"]) == ("guard", True, None, [])
    assert data["policy"] == json.loads(plan.policy)
    assert data["verdict"]["verdict"] == "enclosed"


def test_without_a_guard_nothing_is_said_of_it() -> None:
    """On the command line nobody puts the policy."""
    codes = [proof.code for proof in remedy.plan(OPEN, KEY, PERIMETER).proofs]

    assert remedy.ProofCode.GUARD_GETS_IN not in codes
    assert len(codes) == len(remedy.ProofCode) - 1


def test_a_plan_of_a_malformed_policy_is_data_too() -> None:
    """There is no policy and no proof, and the reason is told."""
    data = remedy.plan("{", KEY, PERIMETER).to_json()

    assert (data["policy"], data["proofs"]) == (None, [])
    assert data["refused"].startswith("the present policy is malformed")


def test_a_policy_that_escapes_is_not_put() -> None:
    """What was enclosed once may escape the perimeter of today."""
    plan = restored(a_policy(allow("*")), OPEN)

    assert failed(plan)[0] == "enclosed"
    assert str(plan.refused).startswith(
        "the new policy would not be enclosed: statement 0 leaves it to the IAM policies"
    )


def test_a_policy_of_the_ledger_that_cannot_be_read_is_not_put() -> None:
    """The ledger may hold what an older version wrote."""
    plan = restored(OPEN, "{")

    assert (plan.policy, plan.changed) == (OPEN, False)
    assert str(plan.refused).startswith("the new policy would be malformed: ")


WHO_LOSES = {
    "a role that was named": (
        [allow(), allow(APP, "kms:Decrypt")],
        f"`{APP}` would need an IAM policy for `kms:Decrypt` from approved networks and through AWS services",
    ),
    "a role that alone was named": (
        [allow(ADMIN, "kms:*"), allow(APP, "kms:DescribeKey")],
        f"`{APP}` would need an IAM policy for `kms:DescribeKey` from everywhere",
    ),
    "another account": (
        [allow(), allow(PARTNER, "kms:Decrypt")],
        f"principals of account {PARTNER} could no longer call `kms:Decrypt` from approved networks",
    ),
    "everybody": (
        [allow("*", "kms:Encrypt")],
        "principals of any other account could no longer call `kms:Encrypt` from approved networks",
    ),
    "an AWS service": (
        [allow(), allow({"Service": "logs.us-east-1.amazonaws.com"}, "kms:Encrypt*")],
        "`logs.us-east-1.amazonaws.com` could no longer call `kms:Encrypt` for itself",
    ),
}


@pytest.mark.parametrize(("present", "lost"), WHO_LOSES.values(), ids=WHO_LOSES)
def test_a_template_tells_who_loses_what(present: list[dict[str, Any]], lost: str) -> None:
    """What the new policy takes from somebody inside is listed in words, and binds nobody who chose a template."""
    plan = remedy.plan(a_policy(*present), KEY, PERIMETER, strategy=Strategy.TEMPLATE)

    assert lost in plan.losses
    assert "nothing-lost" in failed(plan)
    assert plan.refused is None


def test_what_nobody_could_do_before_is_not_lost() -> None:
    """A Deny that the present policy has already, written another way, takes nothing."""
    by_endpoint = {"StringNotEqualsIfExists": {"aws:SourceVpce": ENDPOINT}}
    before = a_policy(allow(), deny("kms:Decrypt", Condition=by_endpoint))
    after = a_policy(allow(), deny(Condition={"StringNotEquals": {"aws:SourceVpce": [ENDPOINT]}}, action="kms:Decrypt"))

    assert restored(before, after, perimeter=Perimeter("p", (replace(USE, operations=("kms:Decrypt",)),))).losses == ()


def test_what_comes_from_outside_is_not_lost() -> None:
    """The guard takes everything from outside, and nobody inside misses it."""
    plan = remedy.plan(a_policy(allow(), allow("*", "kms:Decrypt")), KEY, PERIMETER)

    assert (plan.losses, failed(plan)) == ((), [])


def test_a_loss_under_a_condition_is_found() -> None:
    """One approved endpoint of two is enough to lose the use from."""
    perimeter = Perimeter("p", (replace(USE, vpc_endpoints=(ENDPOINT, OTHER_ENDPOINT)),))
    one = deny("kms:*", Condition={"StringNotEquals": {"aws:SourceVpce": ENDPOINT}})

    plan = restored(
        OPEN, a_policy(allow(), {**one, "Action": ["kms:*crypt*", "kms:GenerateData*"]}), perimeter=perimeter
    )

    assert any(
        "could no longer call `kms:Encrypt`" in loss and "from approved networks" in loss for loss in plan.losses
    )


def test_what_a_grant_gives_is_lost_to_a_deny_only() -> None:
    """A grant needs no `Allow`, so only a `Deny` takes its use away."""
    inside = {"StringEquals": {"aws:SourceVpce": ENDPOINT}}
    before = a_policy(allow(action=["kms:PutKeyPolicy", "kms:CreateGrant"]))
    after = a_policy(allow(action=["kms:PutKeyPolicy", "kms:CreateGrant"]), deny("kms:Decrypt", Condition=inside))

    assert [loss for loss in restored(before, after).losses if "a grant on `kms:Decrypt`" in loss]
    assert restored(before, a_policy(allow(action=["kms:PutKeyPolicy", "kms:CreateGrant"]), Id="x")).losses == ()


def test_a_policy_without_variables_beside_one_with_them() -> None:
    """`${` is text in a policy of the old Version, and takes nothing where the new one says the same as text."""
    said_so = {"StringEquals": {"aws:PrincipalTag/team": "${aws:username}"}}
    escaped = {"StringEquals": {"aws:PrincipalTag/team": "${$}{aws:username}"}}
    before = a_policy(allow(action=PUT), allow(action="kms:TagResource", Condition=said_so), Version="2008-10-17")
    same = a_policy(allow(action=PUT), allow(action="kms:TagResource", Condition=escaped))
    other = a_policy(allow(action=PUT), allow(action="kms:TagResource", Condition=said_so))

    assert restored(before, same).losses == ()
    assert restored(before, other).losses != ()


STANDS = {
    "outside every VPC": (GUARD, PERIMETER, [], True),
    "outside, though administration must come from a VPC": (GUARD, BOTH, [], False),
    "in the VPC that administration must come from": (GUARD_IN_VPC, BOTH, [], True),
    "in another VPC": (replace(GUARD_IN_VPC, vpc="vpc-0bbbbbbbbbbbbbbbb"), BOTH, [], False),
    "at an endpoint that administration must come from": (
        replace(GUARD_IN_VPC, vpc="vpc-0bbbbbbbbbbbbbbbb"),
        Perimeter("p", (USE, Rule("administration", ("administrative",), (OTHER_ENDPOINT,)))),
        [],
        True,
    ),
    "break-glass": (GUARD, replace(BOTH, break_glass_principals=(GUARD.role,)), [], True),
    "where reading the policy must come from a VPC": (
        GUARD,
        Perimeter("p", (USE, Rule("read", ("kms:GetKeyPolicy",), (), (VPC,)))),
        [],
        False,
    ),
    "denied by name": (GUARD, PERIMETER, [{**deny("kms:Put*"), "Principal": {"AWS": GUARD.role}}], False),
    "denied but for some addresses": (
        GUARD,
        PERIMETER,
        [deny("kms:PutKeyPolicy", Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})],
        False,
    ),
    "denied without a second factor": (
        GUARD,
        PERIMETER,
        [deny("kms:PutKeyPolicy", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}})],
        False,  # a function's credentials say nothing of a second factor, and then the condition is true
    ),
    "denied with a second factor that is none": (
        GUARD,
        PERIMETER,
        [deny("kms:PutKeyPolicy", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})],
        True,
    ),
    "denied outside the organization": (
        GUARD,
        PERIMETER,
        [deny("kms:*", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})],
        True,
    ),
    "denied through one endpoint": (
        GUARD_IN_VPC,
        PERIMETER,
        [deny("kms:PutKeyPolicy", Condition={"StringEquals": {"aws:SourceVpce": "vpce-0ccccccccccccccc1"}})],
        True,
    ),
    "denied by what is no condition key": (
        GUARD,
        PERIMETER,
        [deny("kms:PutKeyPolicy", Condition={"StringEquals": {"aws:NoSuchKey": "x"}})],
        False,
    ),
}


@pytest.mark.parametrize(("standpoint", "perimeter", "more", "gets_in"), STANDS.values(), ids=STANDS)
def test_the_guard_must_get_in_from_where_it_stands(
    standpoint: remedy.Standpoint, perimeter: Perimeter, more: list[dict[str, Any]], *, gets_in: bool
) -> None:
    """Whatever is not known of its requests must not matter; what its role is, AWS KMS asks for itself."""
    plan = remedy.plan(a_policy(allow(), *more), KEY, perimeter, standpoint=standpoint)

    assert ("guard-gets-in" not in failed(plan)) is gets_in
    assert (plan.refused is None) is gets_in
    assert f"({standpoint})" in said(plan, "guard-gets-in")


def test_a_guard_that_is_no_role_gets_in_nowhere() -> None:
    """What is not an ARN of IAM cannot be proved for."""
    assert "guard-gets-in" in failed(remedy.plan(OPEN, KEY, PERIMETER, standpoint=remedy.Standpoint("guard")))


ADMINISTRATORS = {
    "the account": ([allow()], None),
    "a role beside the guard": ([allow([GUARD.role, ADMIN])], None),
    "the guard alone": ([allow(GUARD.role)], "nobody but the guard could change the new policy again"),
    "the guard by a condition": (
        [allow(), deny("kms:PutKeyPolicy", Condition={"ArnNotEquals": {"aws:PrincipalArn": GUARD.role}})],
        "nobody but the guard could change the new policy again",
    ),
    "nobody": ([allow(action="kms:Decrypt")], "nobody but AWS Support could change the new policy again"),
    "another account": (
        [allow(PARTNER), allow(GUARD.role)],
        "nobody but the guard could change the new policy again",
    ),
    "a role at no possible place": (
        [
            allow(GUARD.role),
            allow(
                ADMIN, Condition={"StringEquals": {"aws:SourceVpce": ENDPOINT}, "IpAddress": {"aws:SourceIp": "::/0"}}
            ),
        ],
        "nobody but the guard could change the new policy again",
    ),
}


@pytest.mark.parametrize(("present", "sentence"), ADMINISTRATORS.values(), ids=ADMINISTRATORS)
def test_somebody_else_than_the_guard_must_be_able_to_change_it(
    present: list[dict[str, Any]], sentence: str | None
) -> None:
    """A policy that only a function can change is a trap for people."""
    plan = remedy.plan(a_policy(*present), KEY, PERIMETER, standpoint=GUARD)

    assert ("other-administrator" in failed(plan)) is (sentence is not None)
    assert sentence is None or sentence in str(plan.refused)


def test_services_keep_their_way_only_where_it_is_left() -> None:
    """A policy that only knows networks shuts out AWS services that act for people: that is told."""
    strict = a_policy(
        allow(), deny(["kms:*crypt*", "kms:Gen*"], Condition={"StringNotEquals": {"aws:SourceVpce": ENDPOINT}})
    )
    trusted, denied = PERIMETER, replace(PERIMETER, aws_services=ServiceTrust.DENIED)

    assert failed(restored(OPEN, strict, perimeter=trusted)) == ["nothing-lost", "services-keep-their-way"]
    assert failed(restored(OPEN, strict, perimeter=denied)) == []
    assert failed(restored(strict, strict.replace("Allow", "Allow"), perimeter=trusted)) == []


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_the_size_counts_in_bytes_to_the_last_one(more: int, *, fits: bool) -> None:
    """32,768 bytes fit, one more does not, and a letter may have several."""
    empty = len(remedy.plan(a_policy(allow(Sid="é")), KEY, PERIMETER).policy.encode()) - 6  # written as an escape
    sid = "é" * ((32_768 - empty) // 2) + "x" * ((32_768 - empty) % 2 + more)
    text = a_policy(json.dumps(allow(Sid=sid), ensure_ascii=False))

    plan = remedy.plan(text, KEY, PERIMETER)

    assert len(plan.policy.encode()) == 32_768 + more
    assert failed(plan) == ([] if fits else ["size"])


def test_each_deleted_principal_is_named_with_its_statement() -> None:
    """What is left of a deleted role or user is its unique ID; AWS KMS takes no policy with one."""
    gone = allow(["AROAEXAMPLEID12345678", APP, "AIDAEXAMPLEID87654321"], "kms:Describe*", Sid="Old")

    plan = restored(a_policy(allow("*")), a_policy(allow(action=PUT), gone))

    assert failed(plan) == ["nothing-lost", "services-keep-their-way", "principals-exist"]
    assert plan.refused == (
        "principal `AROAEXAMPLEID12345678` in statement 1 (`Old`), principal `AIDAEXAMPLEID87654321` in statement 1"
        " (`Old`) were deleted (only their unique IDs are left), and AWS KMS refuses such a policy"
    )


@pytest.mark.parametrize(("says_so", "refused"), [(True, False), (False, True)])
def test_service_grants_need_the_perimeters_word(*, says_so: bool, refused: bool) -> None:
    """The proof names them either way."""
    perimeter = replace(PERIMETER, fix_keys_with_service_grants=says_so)

    plan = remedy.plan(OPEN, KEY, perimeter, service_grants=("Amazon EBS", "rds.amazonaws.com"))

    assert "2 grants (Amazon EBS, rds.amazonaws.com)" in said(plan, "service-grants")
    assert (plan.refused is not None) is refused


def test_a_policy_that_is_enclosed_already_needs_no_proof() -> None:
    """Where nothing changes there is nothing to refuse, even if a principal of it was deleted."""
    plan = remedy.plan(a_policy(allow("AROAEXAMPLEID12345678"), allow(action=PUT)), KEY, PERIMETER)

    assert (plan.changed, plan.refused, plan.proofs) == (False, None, ())


def test_a_bound_that_is_reached_proves_nothing() -> None:
    """A policy that takes too long to compare is left alone, with that reason."""
    tags = [
        allow(action="kms:Decrypt", Condition={"StringLike": {f"aws:PrincipalTag/t{n}": [f"*{n}a*b*", f"x*{n}*y*"]}})
        for n in range(60)
    ]

    plan = remedy.plan(a_policy(allow(), *tags), KEY, PERIMETER, strategy=Strategy.GUARD)

    assert plan.verdict.outcome in (Outcome.ENCLOSED, Outcome.UNDECIDED)
    assert (plan.refused is None) is (failed(plan) == [])


def test_administration_by_services_is_kept_by_the_template_too() -> None:
    """CloudFormation works on keys for people, and the perimeter counts that as inside."""
    plan = remedy.plan(OPEN, KEY, BOTH, strategy=Strategy.TEMPLATE, standpoint=GUARD_IN_VPC)

    assert (failed(plan), plan.refused) == (["nothing-lost"], None)
    account = "principals of the key's own account"
    given = (
        f"{account} could no longer call `kms:CreateGrant`, `kms:RevokeGrant` from the internet and over VPC endpoints"
    )
    assert plan.losses == (given,)


def test_a_key_of_another_partition_is_proved_too() -> None:
    """The guard in China stands in its own partition."""
    key = Key(account=OURS, region="cn-north-1", key_id=KEY.key_id, partition="aws-cn")
    role = GUARD.role.replace("arn:aws:", "arn:aws-cn:")

    plan = remedy.plan(OPEN, key, PERIMETER, standpoint=remedy.Standpoint(role))

    assert (plan.refused, failed(plan)) == (None, [])
