"""The conformance cases put to iam-simulate: their escapes get through, and nothing does into enclosed keys."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from kms_perimeter.verdict import judge
from tests.conformance.suite import all_of
from tests.oracles import known_errors
from tests.oracles.iam_simulate import ALLOWED, EXPLICITLY_DENIED, question
from tests.oracles.outside_requests import outside_requests

if TYPE_CHECKING:
    from tests.conformance.suite import Case
    from tests.oracles.agreement import Tally
    from tests.oracles.iam_simulate import Simulator

TRIES = 120  # about half of them come out possible and outside
pytestmark = pytest.mark.node


@pytest.mark.parametrize("case", all_of("escapes"), ids=lambda case: case.name)
def test_every_escape_gets_through_iam_simulate_too(case: Case, simulator: Simulator, tally: Tally) -> None:
    """iam-simulate allows each escape; one by a grant is not denied, and the making of the grant is allowed."""
    refused = refused_escapes(simulator, case, tally)

    assert refused == []


def refused_escapes(simulator: Simulator, case: Case, tally: Tally) -> list[str]:
    """The escapes of a case that iam-simulate does not let through, except for its known errors."""
    policy = readable(case.policy_text)
    refused = []
    for escape in judge(case.policy_text, case.key, case.perimeter).escapes:
        tally.add("escapes")
        sent = [escape.request] if escape.grant is None else [escape.grant, escape.request]
        said = simulator.ask([question(policy, request) for request in sent])
        if said[0] == ALLOWED and EXPLICITLY_DENIED not in said:
            continue
        if (known := known_errors.name_of(policy, escape.request)) is None:
            refused.append(f"{escape.operation} by {escape.route}: {said}")
        else:
            tally.add(f"forgiven ({known})")
    return refused


def readable(policy_text: str) -> dict[str, Any]:
    """The policy less its statements without Action, for which iam-simulate refuses the whole; they have no effect."""
    policy: dict[str, Any] = json.loads(policy_text)
    listed = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    return policy | {"Statement": [s for s in listed if "Action" in s or "NotAction" in s]}


@pytest.mark.parametrize("case", all_of("enclosed"), ids=lambda case: case.name)
def test_no_outside_request_gets_through_iam_simulate(case: Case, simulator: Simulator, tally: Tally) -> None:
    """Of the outside requests drawn at random for an enclosed key, iam-simulate allows none."""
    policy = readable(case.policy_text)
    sent = outside_requests(policy, case.perimeter, case.key, Random(case.name), TRIES)

    said = simulator.ask([question(policy, request) for request in sent])
    tally.add("outside requests", len(sent))

    assert [r for r, s in zip(sent, said, strict=True) if s == ALLOWED and not known_errors.name_of(policy, r)] == []
