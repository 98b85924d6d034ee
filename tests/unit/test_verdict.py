"""The verdict: what it is made of, and what it never says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from kms_perimeter.perimeter import Perimeter, Rule
from kms_perimeter.policy import document, evaluator
from kms_perimeter.policy.escape import Found
from kms_perimeter.policy.key import Key
from kms_perimeter.policy.request import Request
from kms_perimeter.verdict import Outcome, confirmed, is_confirmed, judge, judge_policy

OURS = "111122223333"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"
KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
PERIMETER = Perimeter("default", (Rule("use", ("cryptographic",), (ENDPOINT,)),))


def a_statement(
    effect: str = "Allow", action: str = "kms:*", condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A statement of the account, or a `Deny` for everybody."""
    principal: Any = "*" if effect == "Deny" else {"AWS": OURS}
    made = {"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"}
    return made | ({"Condition": condition} if condition else {})


def a_policy(*statements: dict[str, Any]) -> str:
    """The text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_values_that_were_not_all_tried_prove_nothing() -> None:
    """Where a variable stands inside a text, not every value is tried, and so the answer is never `enclosed`."""
    inside_a_text = a_statement("Deny", condition={"StringNotEquals": {"aws:SourceVpce": "${aws:PrincipalTag/x}-zz"}})

    verdict = judge(a_policy(a_statement(), inside_a_text), KEY, PERIMETER)

    assert verdict.outcome is Outcome.UNDECIDED
    assert "too many to tell apart" in str(verdict.reason)


def test_a_bound_that_is_reached_is_no_proof() -> None:
    """Past its bound the search says so, and `enclosed` is not what it says."""
    deny = a_statement("Deny", condition={"StringNotEquals": {"aws:SourceVpce": ENDPOINT}})
    policy = document.parse(a_policy(a_statement(), deny))

    assert judge_policy(policy, KEY, PERIMETER).outcome is Outcome.ENCLOSED
    assert judge_policy(policy, KEY, PERIMETER, steps=30).outcome is Outcome.UNDECIDED


def test_an_escape_that_the_evaluator_denies_is_not_confirmed() -> None:
    """What the search finds is told only if the plain evaluator lets it through as well."""
    text = a_policy(a_statement())
    escape = judge(text, KEY, PERIMETER).escapes[0]
    nobody = Request("arn:aws:iam::444455556666:role/x", escape.operation, KEY.arn, escape.request.context)

    reader = evaluator.Reader(document.parse(text), KEY)
    assert is_confirmed(reader, escape)
    assert not is_confirmed(reader, replace(escape, request=nobody))


def test_an_escape_that_is_not_confirmed_is_not_told_and_proves_nothing() -> None:
    """If search and evaluator ever disagree, the escape is kept back and the answer is left open."""
    text = a_policy(a_statement())
    escape = judge(text, KEY, PERIMETER).escapes[0]
    nobody = Request("arn:aws:iam::444455556666:role/x", escape.operation, KEY.arn, escape.request.context)

    escapes, unsettled = confirmed(document.parse(text), Found(KEY, [replace(escape, request=nobody)]))

    assert escapes == ()
    assert unsettled == ["the search found an escape that the evaluator does not confirm"]


def test_a_grant_that_a_service_takes_for_its_own_use_gives_nothing_away() -> None:
    """`kms:GrantIsForAWSResource` hands the grant to the service, so the advisory `grants-bypass` is not given."""
    from_inside = {"StringEquals": {"aws:SourceVpce": ENDPOINT}}
    for_services = {"Bool": {"kms:GrantIsForAWSResource": "true"}}

    use = a_statement(action="kms:Decrypt", condition=from_inside)
    grants = [a_statement(action="kms:CreateGrant", condition=how) for how in (for_services, from_inside)]
    verdicts = [judge(a_policy(use, grant), KEY, PERIMETER) for grant in grants]

    assert [v.outcome for v in verdicts] == [Outcome.ENCLOSED, Outcome.ENCLOSED]
    assert ["grants-bypass" in {a.code for a in v.advisories} for v in verdicts] == [False, True]


def test_the_account_is_taken_from_the_principals_where_it_is_not_given() -> None:
    """Without an account, it is the one that the policy's principals name."""
    verdict = judge(a_policy(a_statement()), Key(), PERIMETER)

    assert verdict.escapes[0].request.principal == f"arn:aws:iam::{OURS}:role/any"
