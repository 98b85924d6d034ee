"""What must hold of every plan, whatever policy it starts from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kms_perimeter import remedy
from kms_perimeter.perimeter import Perimeter, Rule, Strategy
from kms_perimeter.policy import document, evaluator
from kms_perimeter.policy.request import Request
from kms_perimeter.remedy import guard_statement
from kms_perimeter.verdict import Outcome
from tests.conformance.outside import is_outside
from tests.property.deep import DEEP
from tests.property.policies import OUR_ENDPOINT, OUR_VPC, OURS, perimeters, policies
from tests.property.requests import KEY, lost_inside, requests

if TYPE_CHECKING:
    from collections.abc import Iterator

few = settings(max_examples=25 * DEEP, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(few, max_examples=60 * DEEP)
REAL = Path(__file__).parents[3] / "shared" / "kms-key-policies.jsonl"
GUARD = f"arn:aws:iam::{OURS}:role/guard"
STANDPOINTS = (remedy.Standpoint(GUARD), remedy.Standpoint(GUARD, OUR_VPC, OUR_ENDPOINT))


@st.composite
def tampered(draw: st.DrawFn) -> dict[str, Any]:
    """A policy with a guard statement of ours at some place, as made or as somebody has left it."""
    policy = draw(policies())
    ours = json.loads(remedy.plan(json.dumps(policy), KEY, draw(perimeters())).policy)["Statement"][-1]
    if draw(st.booleans()):
        ours["Action"] = draw(st.sampled_from(["kms:Encrypt", ["kms:*"], "kms:Describe*"]))
    if draw(st.booleans()):
        ours.pop("Condition", None)
    place = draw(st.integers(0, len(policy["Statement"])))
    return policy | {"Statement": [*policy["Statement"][:place], ours, *policy["Statement"][place:]]}


def theirs(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements that are not ours."""
    found = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    return [s for s in found if not guard_statement.is_ours(s)]


@few
@given(tampered(), perimeters())
def test_whatever_became_of_our_statement_the_next_plan_settles_it(
    policy: dict[str, Any], perimeter: Perimeter
) -> None:
    """A plan that is carried out keeps all others' statements in their order, and then has nothing left to do."""
    plan = remedy.plan(json.dumps(policy), KEY, perimeter)
    again = remedy.plan(plan.policy, KEY, perimeter)

    assert theirs(json.loads(plan.policy)) == theirs(policy)
    assert (again.policy, again.changed) == (plan.policy, False)


@few
@given(policies(), perimeters(), perimeters())
def test_a_plan_follows_the_perimeter_as_if_the_earlier_had_not_been(
    policy: dict[str, Any], earlier: Perimeter, later: Perimeter
) -> None:
    """By way of another perimeter the same policy comes out as straight away, but for the order of our statements."""
    there = remedy.plan(remedy.plan(json.dumps(policy), KEY, earlier).policy, KEY, later)
    straight = remedy.plan(json.dumps(policy), KEY, later)

    by_sid = [sorted(map(json.dumps, json.loads(plan.policy)["Statement"])) for plan in (there, straight)]
    assert by_sid[0] == by_sid[1]


@few
@given(policies(), perimeters())
def test_a_guard_never_loses_and_is_never_in_doubt(policy: dict[str, Any], perimeter: Perimeter) -> None:
    """By construction, and shown: only size, administrators and principals can stop a guard."""
    plan = remedy.plan(json.dumps(policy), KEY, perimeter)

    failed = {proof.code for proof in plan.proofs if not proof.holds}
    assert failed <= {remedy.ProofCode.OTHER_ADMINISTRATOR}


@many
@given(policies(), policies(), perimeters(), st.lists(requests(), min_size=16, max_size=16))
def test_what_is_not_told_as_lost_is_not_lost(
    present: dict[str, Any], new: dict[str, Any], perimeter: Perimeter, sent: list[Request]
) -> None:
    """Where the proof holds, no inside request that is tried gets through the old policy and not the new one."""
    plan = remedy.plan(json.dumps(present), KEY, perimeter, strategy=Strategy.RESTORE, last_enclosed=json.dumps(new))
    shown = {proof.code: proof.holds for proof in plan.proofs}
    assume(shown.get(remedy.ProofCode.NOTHING_LOST))

    assert lost_inside(json.dumps(present), json.dumps(new), perimeter, sent) == []


@many
@given(policies(), st.lists(st.integers(0, 3), min_size=1, max_size=3), perimeters(), st.data())
def test_a_statement_taken_away_is_told_wherever_somebody_misses_it(
    present: dict[str, Any], gone: list[int], perimeter: Perimeter, data: st.DataObject
) -> None:
    """Of a policy with an `Allow` less, a request from inside that is stopped makes the proof fail."""
    kept = [s for n, s in enumerate(present["Statement"]) if n not in gone or s["Effect"] == "Deny"]
    assume(kept)
    new = json.dumps(present | {"Statement": kept})
    plan = remedy.plan(json.dumps(present), KEY, perimeter, strategy=Strategy.RESTORE, last_enclosed=new)
    before, after = document.parse(json.dumps(present)), document.parse(new)

    for request in data.draw(st.lists(requests(), min_size=12, max_size=12)):
        if is_outside(request, perimeter, KEY):
            continue
        was, now = (evaluator.evaluate(policy, request, KEY).decision for policy in (before, after))
        if was == evaluator.ALLOWED != now and plan.proofs:
            assert "nothing-lost" in [proof.code for proof in plan.proofs if not proof.holds]


def of_the_guard(standpoint: remedy.Standpoint, address: str, when: str) -> Iterator[Request]:
    """Requests as the guard's function sends them."""
    network = {"aws:SourceIp": address}
    if standpoint.vpc and standpoint.vpc_endpoint:
        network = {"aws:SourceVpc": standpoint.vpc, "aws:SourceVpce": standpoint.vpc_endpoint}
    context = network | {
        "aws:PrincipalArn": GUARD,
        "aws:PrincipalAccount": OURS,
        "kms:CallerAccount": OURS,
        "aws:PrincipalType": "AssumedRole",
        "aws:ViaAWSService": "false",
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": "true",
        "aws:ResourceAccount": OURS,
        "aws:CurrentTime": when,
    }
    for action in ("kms:GetKeyPolicy", "kms:PutKeyPolicy"):
        yield Request(GUARD, action, KEY.arn, context)


@few
@given(
    policies(),
    perimeters(),
    st.sampled_from(STANDPOINTS),
    st.sampled_from(["203.0.113.9", "10.1.2.3", "198.51.100.1", "2001:db8::1"]),
    st.sampled_from(["2025-12-01T00:00:00Z", "2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"]),
)
def test_a_guard_that_is_proved_to_get_in_gets_in(
    policy: dict[str, Any], perimeter: Perimeter, standpoint: remedy.Standpoint, address: str, when: str
) -> None:
    """From whatever address and at whatever time; what its role is must not be asked for here."""
    text = json.dumps(policy)
    assume("aws:PrincipalOrgID" not in text and "aws:PrincipalTag" not in text)
    plan = remedy.plan(text, KEY, perimeter, standpoint=standpoint)
    shown = {proof.code: proof.holds for proof in plan.proofs}
    assume(shown.get(remedy.ProofCode.GUARD_GETS_IN))
    new = document.parse(plan.policy)

    decisions = {evaluator.evaluate(new, sent, KEY).decision for sent in of_the_guard(standpoint, address, when)}

    assert decisions == {evaluator.ALLOWED}


@pytest.mark.parametrize("rules", [("cryptographic",), ("cryptographic", "administrative", "grants")], ids=len)
def test_real_policies_are_guarded_without_harm(rules: tuple[str, ...]) -> None:
    """Key policies from public repositories: nobody inside loses, statements stay, a second plan changes nothing."""
    if not REAL.is_file():
        pytest.skip(f"NOT TRIED: there is no {REAL.name}")
    perimeter = Perimeter("p", (Rule("all", rules, (OUR_ENDPOINT,), (OUR_VPC,)),))
    texts = [json.dumps(json.loads(line)["policy"], indent=n % 3) for n, line in enumerate(REAL.open())]
    key = replace(KEY, account=None)

    plans = [(text, remedy.plan(text, key, perimeter)) for text in texts]

    changed = [(text, plan) for text, plan in plans if plan.changed]
    assert len(changed) > len(plans) / 2
    for text, plan in changed:
        assert plan.verdict.outcome is Outcome.ENCLOSED
        assert theirs(json.loads(plan.policy)) == theirs(json.loads(text))
        assert {p.code for p in plan.proofs if not p.holds} <= {remedy.ProofCode.OTHER_ADMINISTRATOR}
        assert remedy.plan(plan.policy, key, perimeter).policy == plan.policy
