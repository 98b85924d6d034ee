"""The strategy `guard` against policies that are odd, tampered with, or made to fool it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kms_perimeter import remedy
from kms_perimeter.perimeter import Perimeter, Rule, ServiceTrust
from kms_perimeter.verdict import Outcome
from tests.unit.remedies import (
    ADMINISTRATION,
    BOTH,
    ENDPOINT,
    KEY,
    OTHER_ENDPOINT,
    OURS,
    PARTNER,
    PERIMETER,
    USE,
    a_policy,
    allow,
    deny,
    failed,
    sids,
    statements,
)

FIRST = remedy.plan(a_policy(allow(Sid="Open")), KEY, PERIMETER)
OUR_STATEMENT = statements(FIRST)[-1]
CONDITION = OUR_STATEMENT["Condition"]
SID = "KmsPerimeterGuardUse"


def settles(text: str, perimeter: Perimeter = PERIMETER) -> remedy.Plan:
    """The plan for a policy, which must enclose it, hold in every proof, and be its own plan."""
    plan = remedy.plan(text, KEY, perimeter)
    again = remedy.plan(plan.policy, KEY, perimeter)

    assert plan.verdict.outcome is Outcome.ENCLOSED
    assert failed(plan) == []
    assert (again.changed, again.policy, again.diff) == (False, plan.policy, "")
    return plan


OPEN = json.dumps(allow(Sid="Open"))
ODD = {
    "a single statement that is an object": ('{"Statement": @}', OPEN),
    "no Version": ('{"Statement":[@]}', OPEN),
    "the old Version": ('{"Version": "2008-10-17", "Statement": [@]}', OPEN),
    "Statement before everything else": ('{"Statement":[@],"Version":"2012-10-17"}', OPEN),
    "white space of every kind": (
        '\n\t{\r\n "Version"\t:"2012-10-17" ,\n\n"Statement"\r\n:\t[ \n @ \n]\n}\n\n',
        json.dumps(allow(Sid="Open"), indent=7),
    ),
    "names of members written with escapes": (
        '{"Version": "2012-10-17", "St\\u0061tement": [@]}',
        OPEN.replace('"Effect"', '"\\u0045ffect"'),
    ),
    "values written with escapes": ('{"Statement": [@]}', OPEN.replace("kms:*", "\\u006bms:\\u002a")),
    "letters beyond ASCII": ('{"Statement": [@]}', json.dumps(allow(Sid="Öffnen ✓ 鍵"), ensure_ascii=False)),
    "half a pair of surrogates": ('{"Statement": [@]}', json.dumps(allow(Sid="\ud800"))),
    "brackets and our Sid in strings": (
        '{"Statement": [@]}',
        json.dumps(allow(Sid='KmsPerimeterGuardUse ]}, {"Sid":"KmsPerimeterGuardUse"'))
        + ","
        + json.dumps(deny("kms:Nothing", Sid='\\"]} Statement')),
    ),
    "an Id that says Statement": ('{"Id": "\\"Statement\\": []", "Statement": [@]}', OPEN),
}


@pytest.mark.parametrize(("around", "theirs"), ODD.values(), ids=ODD)
def test_an_odd_text_keeps_every_byte_of_its_statements(around: str, theirs: str) -> None:
    """However a policy is written, its statements stay as they are written, and one is added."""
    count = theirs.count('"Resource"')

    plan = settles(around.replace("@", theirs))

    assert [piece for piece in theirs.split("},{") if piece not in plan.policy] == []
    assert len(statements(plan)) == count + 1
    assert plan.policy.startswith(around[: around.index("@")].rstrip("[ \n"))
    assert plan.policy.endswith(around[around.index("@") + 1 :].lstrip(" \n]"))


def test_a_diff_can_be_sent_whatever_is_in_it() -> None:
    """Half a pair of surrogates has no encoding, so it is shown as an escape."""
    plan = settles(a_policy(allow(Sid="\ud800")))

    assert "KmsPerimeterGuardUse" in plan.diff
    assert plan.diff.encode()


def edited(**members: Any) -> dict[str, Any]:  # noqa: ANN401
    """Our own statement, as somebody has left it."""
    return OUR_STATEMENT | members


TAMPERED = {
    "its operations cut down": edited(Action=["kms:Encrypt"]),
    "its operations widened": edited(Action="kms:*"),
    "its condition gone": {k: v for k, v in OUR_STATEMENT.items() if k != "Condition"},
    "another endpoint let in": edited(
        Condition=OUR_STATEMENT["Condition"]
        | {"StringNotEqualsIfExists": {"aws:SourceVpce": [ENDPOINT, OTHER_ENDPOINT]}}
    ),
    "a way through for everybody": edited(Condition=CONDITION | {"StringNotLike": {"aws:PrincipalArn": "*"}}),
    "its principal written another way": edited(Principal={"AWS": "*"}),
}


@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED)
def test_our_own_statement_is_put_right(statement: dict[str, Any]) -> None:
    """Whoever edits the guard statement finds it as it was, in its place and not beside it."""
    last = allow(f"arn:aws:iam::{OURS}:role/x", "kms:Describe*", Sid="Last")

    plan = settles(a_policy(allow(Sid="Open"), statement, last))

    assert statements(plan) == [allow(Sid="Open"), OUR_STATEMENT, last]


def test_our_own_statement_may_stand_where_it_stands() -> None:
    """A right guard statement between others is left there, and nothing is to do."""
    text = a_policy(OUR_STATEMENT, allow(Sid="Open"))

    plan = remedy.plan(text, KEY, PERIMETER)

    assert (plan.changed, plan.policy) == (False, text)


def test_of_two_copies_one_is_left() -> None:
    """A statement that was pasted twice is put once."""
    plan = settles(a_policy(OUR_STATEMENT, allow(Sid="Open"), OUR_STATEMENT))

    assert sids(plan) == [SID, "Open"]


TAKEN = {
    "an Allow": allow(f"arn:aws:iam::{OURS}:role/x", "kms:Describe*", Sid=SID),
    "a Deny of some principals": {
        **deny("kms:TagResource", Sid=SID),
        "Principal": {"AWS": f"arn:aws:iam::{PARTNER}:root"},
    },
    "a Deny of all but some": {
        **{k: v for k, v in deny("kms:TagResource", Sid=SID).items() if k != "Principal"},
        "NotPrincipal": {"AWS": [OURS, PARTNER]},
    },
    "a Deny of all operations but some": {
        **{k: v for k, v in deny(Sid=SID).items() if k != "Action"},
        "NotAction": ["kms:*"],
    },
    "a Deny of another resource": {**deny("kms:TagResource", Sid=SID), "Resource": "arn:aws:kms:*:*:key/other"},
}


@pytest.mark.parametrize("statement", TAKEN.values(), ids=TAKEN)
def test_a_statement_of_somebody_else_with_our_sid_stays(statement: dict[str, Any]) -> None:
    """What is not of our shape is not ours: it stays as it is, and ours takes another Sid, since Sids are unique."""
    plan = settles(a_policy(allow(Sid="Open"), statement))

    assert statements(plan)[:2] == [allow(Sid="Open"), statement]
    assert sids(plan) == ["Open", SID, f"{SID}2"]


@pytest.mark.parametrize("sid", ["KmsPerimeterGuard of ours", "KmsPerimeterGuards", "kmsperimeterguardUse", "x" + SID])
def test_a_sid_that_only_looks_like_ours_is_somebody_elses(sid: str) -> None:
    """A Deny with a Sid that we would not make is kept."""
    theirs = deny("kms:ScheduleKeyDeletion", Sid=sid)

    assert theirs in statements(settles(a_policy(allow(), theirs)))


def test_a_guard_that_is_not_needed_any_more_goes() -> None:
    """When the policy itself has become narrow, the earlier guard statement is taken out again."""
    narrow = allow(f"arn:aws:iam::{OURS}:root", ["kms:Describe*", "kms:PutKeyPolicy"])

    assert statements(settles(a_policy(narrow, OUR_STATEMENT))) == [narrow]


def narrower(endpoint: str) -> Perimeter:
    """A perimeter with this endpoint only."""
    return Perimeter("default", (replace(USE, vpc_endpoints=(endpoint,)),))


CHANGED = {
    "wider": (Perimeter("p", (replace(USE, vpc_endpoints=(ENDPOINT, OTHER_ENDPOINT)),)), [SID]),
    "another endpoint": (narrower(OTHER_ENDPOINT), [SID]),
    "fewer operations": (Perimeter("p", (replace(USE, operations=("kms:Decrypt",)),)), [SID]),
    "more operations": (BOTH, [SID, "KmsPerimeterGuardAdministration"]),
    "a rule by another name": (Perimeter("p", (replace(USE, name="day to day"),)), ["KmsPerimeterGuardDayToDay"]),
    "services no longer trusted": (replace(PERIMETER, aws_services=ServiceTrust.DENIED), [SID]),
    "break-glass": (replace(PERIMETER, break_glass_principals=(f"arn:aws:iam::{OURS}:role/Glass",)), [SID]),
    "two rules for an operation": (
        Perimeter("p", (USE, Rule("decrypt", ("kms:Decrypt",), (), ("vpc-0bbbbbbbb",)))),
        [SID, f"{SID}2"],
    ),
}


@pytest.mark.parametrize(("perimeter", "expected"), CHANGED.values(), ids=CHANGED)
def test_the_guard_follows_the_perimeter_both_ways(perimeter: Perimeter, expected: list[str]) -> None:
    """To the changed perimeter and back again: the same statements as if the other had never been."""
    fresh = remedy.plan(a_policy(allow(Sid="Open")), KEY, perimeter)

    there = settles(FIRST.policy, perimeter)
    back = settles(there.policy)

    assert sids(there) == ["Open", *expected]
    assert statements(there) == statements(fresh)
    assert statements(back) == statements(FIRST)


@pytest.mark.parametrize(("perimeter", "expected"), CHANGED.values(), ids=CHANGED)
def test_an_enclosed_key_can_be_behind_its_perimeter(perimeter: Perimeter, expected: list[str]) -> None:
    """A wider perimeter is not kept from anybody by our own statement of yesterday, once somebody asks."""
    assert expected
    assert remedy.is_outdated(FIRST.policy, KEY, perimeter)
    assert not remedy.is_outdated(FIRST.policy, KEY, PERIMETER)
    assert not remedy.is_outdated(remedy.plan(FIRST.policy, KEY, perimeter).policy, KEY, perimeter)
    assert not remedy.is_outdated(a_policy(allow()), KEY, perimeter)


def test_a_narrower_perimeter_takes_its_network_out_of_the_policy() -> None:
    """What is approved no more stands nowhere in the new policy."""
    both = Perimeter("p", (replace(USE, vpc_endpoints=(ENDPOINT, OTHER_ENDPOINT)),))
    wide = remedy.plan(a_policy(allow()), KEY, both)

    plan = settles(wide.policy)

    assert (OTHER_ENDPOINT in wide.policy, OTHER_ENDPOINT in plan.policy) == (True, False)


def test_a_policy_of_nothing_but_our_statement_is_left_alone() -> None:
    """There is nothing to guard, and a policy without statements is none."""
    text = a_policy(OUR_STATEMENT)

    assert remedy.plan(text, KEY, PERIMETER).policy == text


def test_services_cannot_pass_for_break_glass_where_none_is_trusted() -> None:
    """What a service's own request says of its principal is not documented, so a second statement names services."""
    glass = replace(
        PERIMETER, aws_services=ServiceTrust.DENIED, break_glass_principals=(f"arn:aws:iam::{OURS}:role/Glass",)
    )

    plan = settles(a_policy(allow("*", Sid="Open")), glass)

    assert sids(plan) == ["Open", SID, f"{SID}Services"]
    assert statements(plan)[-1]["Condition"] == {"Bool": {"aws:PrincipalIsAWSService": "true"}}


def test_every_rule_that_leaks_is_bound_and_no_other() -> None:
    """Where only use escapes, administration is not touched."""
    inside = allow(action="kms:PutKeyPolicy", Condition={"StringEquals": {"aws:SourceVpc": ADMINISTRATION.vpcs[0]}})

    assert sids(settles(a_policy(inside, allow(action="kms:Decrypt")), BOTH)) == [SID]
