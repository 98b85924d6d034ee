"""What must hold of every policy: the promises of the engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kms_perimeter import remedy
from kms_perimeter.policy import document, evaluator
from kms_perimeter.verdict import Outcome, boundary_of, judge
from tests.conformance.outside import is_outside
from tests.property.deep import DEEP
from tests.property.policies import perimeters, policies, statements
from tests.property.requests import KEY, lost_inside, requests

if TYPE_CHECKING:
    from random import Random

    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.request import Request

few = settings(max_examples=60 * DEEP, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(max_examples=150 * DEEP, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@many
@given(policies(), perimeters(), st.lists(requests(), min_size=12, max_size=12))
def test_no_request_from_outside_uses_an_enclosed_key(
    policy: dict[str, Any], perimeter: Perimeter, sent: list[Request]
) -> None:
    """For `enclosed`, the evaluator allows none of the outside requests that are tried."""
    assume(judge(json.dumps(policy), KEY, perimeter).outcome is Outcome.ENCLOSED)
    parsed = document.parse(json.dumps(policy))

    through = [
        request
        for request in sent
        if is_outside(request, perimeter, KEY)
        and evaluator.evaluate(parsed, request, KEY).decision == evaluator.ALLOWED
    ]

    assert through == []


@many
@given(policies(), perimeters())
def test_every_escape_is_allowed_and_comes_from_outside(policy: dict[str, Any], perimeter: Perimeter) -> None:
    """Each escape is let through by the plain evaluator and is not one of the perimeter's own requests."""
    parsed = document.parse(json.dumps(policy))
    boundary = boundary_of(perimeter)

    for escape in judge(json.dumps(policy), KEY, perimeter).escapes:
        request = escape.grant or escape.request
        networks = boundary.rule_for(escape.operation)

        assert evaluator.evaluate(parsed, request, KEY).decision == evaluator.ALLOWED
        assert networks is not None
        assert escape.request.context.get("aws:SourceVpce") not in networks.networks.vpc_endpoints
        assert escape.request.context.get("aws:SourceVpc") not in networks.networks.vpcs


@few
@given(policies(), perimeters(), st.randoms(use_true_random=False))
def test_the_order_of_statements_does_not_matter(policy: dict[str, Any], perimeter: Perimeter, random: Random) -> None:
    """Judging a policy with its statements shuffled finds the same operations escaping."""
    shuffled = {**policy, "Statement": random.sample(policy["Statement"], len(policy["Statement"]))}

    before, after = (judge(json.dumps(p), KEY, perimeter) for p in (policy, shuffled))

    assert (before.outcome, {(e.operation, e.route) for e in before.escapes}) == (
        after.outcome,
        {(e.operation, e.route) for e in after.escapes},
    )


@few
@given(policies(), perimeters())
def test_one_value_and_a_list_of_one_value_mean_the_same(policy: dict[str, Any], perimeter: Perimeter) -> None:
    """`"x"` and `["x"]` are the same in `Action`, `Resource` and the values of a condition."""
    listed = json.loads(json.dumps(policy))
    for statement in listed["Statement"]:
        statement["Resource"] = [statement["Resource"]]
        for block in statement.get("Condition", {}).values():
            block.update({k: v if isinstance(v, list) else [v] for k, v in block.items()})

    assert judge(json.dumps(policy), KEY, perimeter) == judge(json.dumps(listed), KEY, perimeter)


@few
@given(policies(), perimeters(), statements(effect="Deny"))
def test_one_more_deny_never_opens_an_enclosed_key(
    policy: dict[str, Any], perimeter: Perimeter, deny: dict[str, Any]
) -> None:
    """Adding a `Deny` to an enclosed policy leaves it enclosed."""
    assume(judge(json.dumps(policy), KEY, perimeter).outcome is Outcome.ENCLOSED)

    more = {**policy, "Statement": [*policy["Statement"], deny]}

    assert judge(json.dumps(more), KEY, perimeter).outcome is Outcome.ENCLOSED


@few
@given(policies(), perimeters())
def test_the_guard_encloses_and_then_has_nothing_left_to_do(policy: dict[str, Any], perimeter: Perimeter) -> None:
    """A plan that is not refused is enclosed, keeps every statement, and is its own plan."""
    plan = remedy.plan(json.dumps(policy), KEY, perimeter)
    assume(plan.refused is None)

    again = remedy.plan(plan.policy, KEY, perimeter)

    assert plan.verdict.outcome is Outcome.ENCLOSED
    assert json.loads(plan.policy)["Statement"][: len(policy["Statement"])] == policy["Statement"]
    assert not again.changed
    assert again.policy == plan.policy


@few
@given(policies(), perimeters(), st.lists(requests(), min_size=12, max_size=12))
def test_the_guard_takes_nothing_from_anybody_inside(
    policy: dict[str, Any], perimeter: Perimeter, sent: list[Request]
) -> None:
    """What was allowed from inside before the guard statement is allowed after it."""
    plan = remedy.plan(json.dumps(policy), KEY, perimeter)

    assert lost_inside(json.dumps(policy), plan.policy, perimeter, sent) == []
