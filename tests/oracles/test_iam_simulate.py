"""Our evaluator and iam-simulate, written by others, decide the same requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracles.agreement import Tally, differences, unexplained
from tests.oracles.generated import KEY, exams

if TYPE_CHECKING:
    from kms_perimeter.policy.request import Request
    from tests.oracles.iam_simulate import Simulator

PAIRS = 20  # requests put to one policy: enough to reach its branches, few enough to shrink
FORGIVEN_AT_MOST = 0.05
pytestmark = pytest.mark.node


def compare(simulator: Simulator, tally: Tally, pairs: int) -> None:
    """Generate that many pairs of a policy and a request, and fail at the first unexplained difference."""

    @settings(
        max_examples=pairs // PAIRS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(exams(PAIRS))
    def put(exam: tuple[dict[str, Any], list[Request]]) -> None:
        policy, requests = exam
        found = differences(simulator, policy, requests, KEY)
        tally.add("pairs", len(requests))

        assert unexplained(found, tally) == []

    put()
    forgiven = sum(count for name, count in tally.counts.items() if name.startswith("forgiven"))

    assert tally.counts["pairs"] >= pairs
    assert forgiven <= FORGIVEN_AT_MOST * pairs


def test_our_evaluator_decides_as_iam_simulate_does(simulator: Simulator, tally: Tally) -> None:
    """On 5,000 generated pairs of policy and request, both decide alike."""
    compare(simulator, tally, 5_000)


@pytest.mark.deep
def test_our_evaluator_decides_as_iam_simulate_does_on_many_more(simulator: Simulator, tally: Tally) -> None:
    """On 100,000 generated pairs of policy and request, both decide alike."""
    compare(simulator, tally, 100_000)
