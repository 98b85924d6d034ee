"""Key policies from public repositories, as they are and with real network conditions grafted on as a Deny.

They lie beside this repository, not in it: a list of ``{"source", "policy"}``, one to a line, and a list of conditions.
"""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kms_perimeter.perimeter import Perimeter, Rule
from kms_perimeter.policy.key import Key
from kms_perimeter.verdict import Outcome, judge
from tests.oracles import known_errors
from tests.oracles.iam_simulate import ALLOWED, EXPLICITLY_DENIED, Refused, question

if TYPE_CHECKING:
    from kms_perimeter.verdict import Escape
    from tests.oracles.agreement import Tally
    from tests.oracles.iam_simulate import Simulator

SHARED = Path(__file__).parents[3] / "shared"
ENDPOINT, VPC = "vpce-0a1b2c3d4e5f60718", "vpc-0d4e5f60718a9b2c3"
KEY = Key()
PERIMETER = Perimeter("production", (Rule("use", ("cryptographic",), (ENDPOINT,), (VPC,)),))
PLACEHOLDERS = (  # what a template's engine would have filled in, and keys of other services: AWS would refuse these
    "whether its principals include",
    "names no condition key",
    "is not a condition key that AWS documents for KMS",
    "makes of a value that is no address",
)
EACH = 11  # a policy gets every eleventh condition, so that each condition meets many policies
pytestmark = pytest.mark.node


@cache
def policies() -> list[dict[str, Any]]:
    """The policies; where there are none, the test is skipped and says so."""
    return [json.loads(line)["policy"] for line in _shared("kms-key-policies.jsonl").splitlines()]


@cache
def conditions() -> list[dict[str, Any]]:
    """The `Condition` blocks; where there are none, the test is skipped and says so."""
    return [entry["condition"] for entry in json.loads(_shared("vpc-conditions.json"))]


def _shared(name: str) -> str:
    path = SHARED / name
    if not path.is_file():
        warnings.warn(f"NOT JUDGED: no policies from real life, since there is no {name}", stacklevel=1)
        pytest.skip(f"NOT JUDGED: there is no {name}")
    return path.read_text()


def grafted(policy: dict[str, Any], condition: dict[str, Any]) -> dict[str, Any]:
    """The policy with one Deny more, under this condition."""
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    guard = {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": condition}
    return policy | {"Statement": [*statements, guard]}


def test_every_policy_from_real_life_gets_a_verdict(simulator: Simulator, tally: Tally) -> None:
    """No crash, a verdict for each, and every escape gets through iam-simulate as well."""
    unconfirmed = [said for policy in policies() for said in judged(simulator, policy, tally)]

    assert unconfirmed == []
    assert tally.counts["undecided"] <= 0.05 * len(policies())


def test_every_policy_with_a_real_network_condition_gets_a_verdict(simulator: Simulator, tally: Tally) -> None:
    """The same with a Deny from real life; where the bare policy is malformed, so is the grafted one."""
    pairs = [
        grafted(policy, condition)
        for i, policy in enumerate(policies())
        for condition in conditions()[i % EACH :: EACH]
    ]

    unconfirmed = [said for policy in pairs for said in judged(simulator, policy, tally)]

    assert unconfirmed == []


@pytest.mark.deep
def test_every_policy_with_every_network_condition_gets_a_verdict(simulator: Simulator, tally: Tally) -> None:
    """The same with each condition on each policy."""
    pairs = (grafted(policy, condition) for policy in policies() for condition in conditions())

    assert [said for policy in pairs for said in judged(simulator, policy, tally)] == []


def judged(simulator: Simulator, policy: dict[str, Any], tally: Tally) -> list[str]:
    """Judge a policy, count its verdict, and tell the escapes that iam-simulate does not confirm."""
    verdict = judge(json.dumps(policy), KEY, PERIMETER)
    tally.add(verdict.outcome.value)
    assert verdict.outcome is not Outcome.UNDECIDED or any(why in str(verdict.reason) for why in PLACEHOLDERS)
    if verdict.outcome is not Outcome.ESCAPES:
        return []
    try:
        return [
            f"{json.dumps(policy)}: {e.to_json()}"
            for e in verdict.escapes
            if not _gets_through(simulator, policy, e, tally)
        ]
    except Refused:
        tally.add("policies that iam-simulate refuses")
        return []


def _gets_through(simulator: Simulator, policy: dict[str, Any], escape: Escape, tally: Tally) -> bool:
    tally.add("escapes replayed")
    sent = [escape.request] if escape.grant is None else [escape.grant, escape.request]
    said = simulator.ask([question(policy, request) for request in sent])
    if said[0] == ALLOWED and EXPLICITLY_DENIED not in said:
        return True
    known = known_errors.name_of(policy, escape.request)
    if known is not None:
        tally.add(f"forgiven ({known})")
    return known is not None
