"""Another writer changes the key's policy while the guard works on it, in every interleaving.

KMS has no compare-and-swap for key policies, so the last writer wins, and the guard may be the last. What it may not do
is to let somebody's statement vanish: either the statement is on the key in the end, or people are told of it and the
ledger has the policy that it stood in. docs/decisions/0005 says what can be known of a race and what cannot.
"""

from __future__ import annotations

import json

import pytest

from kms_perimeter.fingerprint import fingerprint
from tests.faults.world import World
from tests.unit.account import OPEN, OURS, closed

MARK = "AuditorsMayLook"
CALLS = range(30)  # of a run in which nobody interferes; the last one is where it has ended


def marked(policy: str) -> str:
    """A policy with a statement that nobody else has put there."""
    document = json.loads(policy)
    auditors = {"AWS": f"arn:aws:iam::{OURS}:root"}
    statement = {"Sid": MARK, "Effect": "Allow", "Principal": auditors, "Action": "kms:DescribeKey", "Resource": "*"}
    return json.dumps({**document, "Statement": [*document["Statement"], statement]})


POLICIES = {"an open policy": marked(OPEN), "an enclosed policy": marked(closed())}


def is_known(world: World) -> bool:
    """Whether the marked statement is on the key, or in the ledger and in an alert."""
    kept = MARK in str([entry.facts for entry in world.ledger.entries(world.key)])
    told = MARK in json.dumps([alert["text"] for alert in world.told])
    return MARK in world.policy or (kept and told)


def is_settled(world: World) -> bool:
    """Whether the ledger knows the live policy, and that nothing is open."""
    state = world.ledger.state(world.key)
    known = state.settled is not None and state.settled.fingerprint == fingerprint(world.policy)
    return known and world.enclosed and state.opening is None and state.contested_since is None


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("call", CALLS)
def test_somebody_puts_a_policy_before_any_call(call: int, policy: str) -> None:
    """Their event comes when the guard is done; then the key is enclosed and the statement is not lost."""
    with World.open() as world:
        late: list[str] = []
        world.meanwhile[call] = lambda: late.append(world.put(policy, "event-2", "Auditor"))

        world.run()
        for event in late or [world.put(policy, "event-2", "Auditor")]:
            world.send(event)
        world.run()

        assert world.log == []
        assert is_known(world)
        assert is_settled(world)
