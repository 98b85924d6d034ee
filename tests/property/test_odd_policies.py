"""Every operator on every key: what is called enclosed lets nothing through, and every escape is one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kms_perimeter.policy import document, evaluator
from kms_perimeter.verdict import Outcome, judge
from tests.conformance.outside import is_outside, is_possible
from tests.property.deep import DEEP
from tests.property.odd_policies import KEY, PERIMETER, policies, requests

TRIES = 25


@settings(max_examples=200 * DEEP, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(policies(), st.data())
def test_an_odd_policy_that_is_called_enclosed_lets_nobody_through(policy: dict[str, Any], data: st.DataObject) -> None:
    """Requests made out of the policy's own values, from outside, are all stopped."""
    text = json.dumps(policy)
    verdict = judge(text, KEY, PERIMETER)
    tries = TRIES if verdict.outcome is Outcome.ENCLOSED else 0
    sent = data.draw(st.lists(requests(policy), min_size=tries, max_size=tries))

    through = [r for r in sent if evaluator.evaluate(document.parse(text), r, KEY).decision == evaluator.ALLOWED]

    assert through == []


@settings(max_examples=200 * DEEP, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(policies())
def test_an_escape_of_an_odd_policy_is_one(policy: dict[str, Any]) -> None:
    """None is found that the evaluator does not confirm, and each comes from outside and could be sent."""
    verdict = judge(json.dumps(policy), KEY, PERIMETER)

    requests_shown = [escape.request for escape in verdict.escapes]

    assert "does not confirm" not in str(verdict.reason)
    assert [r for r in requests_shown if not is_outside(r, PERIMETER, KEY) or not is_possible(r)] == []
