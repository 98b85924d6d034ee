"""Another writer changes the key's policy while the guard works on it, in every interleaving.

KMS has no compare-and-swap for key policies, so the last writer wins, and the guard may be the last. What it may not do
is to let somebody's statement vanish: either the statement is on the key in the end, or people are told of it and the
ledger has the policy that it stood in. docs/decisions/0005 says what can be known of a race and what cannot.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import pytest

from kms_perimeter.fingerprint import fingerprint
from tests.faults.faults import Fault
from tests.faults.scenarios import OPENED, calls_of
from tests.faults.world import World
from tests.unit.account import OPEN, OURS, closed

MARK = "AuditorsMayLook"
ALONE = calls_of(OPENED)  # the calls of a run in which nobody interferes
CALLS = range(len(ALONE) + 1)  # the last one is where it has ended
LOOK = range(ALONE.index("kms.DescribeKey"), ALONE.index("kms.GetKeyPolicy") + 2)  # and the note of it in the ledger
PUT = ALONE.index("kms.PutKeyPolicy")  # the call before it reads the policy once more


def marked(policy: str, sid: str = MARK) -> str:
    """A policy with a statement that nobody else has put there."""
    document = json.loads(policy)
    auditors = {"AWS": f"arn:aws:iam::{OURS}:root"}
    statement = {"Sid": sid, "Effect": "Allow", "Principal": auditors, "Action": "kms:DescribeKey", "Resource": "*"}
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


def before_each_last_reading(world: World, left: list[partial[str]]) -> None:
    """Has one thing after the other, from the end, happen right before the guard reads a policy for the last time."""
    otherwise = world.injector.meanwhile

    def meanwhile(sent: int) -> None:
        otherwise(sent)
        if left and tuple(world.injector.calls[-2:]) == ALONE[PUT - 2 : PUT]:
            left.pop()()

    world.injector.meanwhile = meanwhile


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


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("call", CALLS[1:-1])
def test_somebodys_event_is_worked_on_before_any_call(call: int, policy: str) -> None:
    """A call may hang for long enough that another run sees what somebody has put, and settles that."""
    with World.open() as world:
        world.meanwhile[call] = lambda: world.work_on(world.put(policy, "event-2", "Auditor"))

        world.run()

        assert world.log == []
        assert is_known(world)
        assert is_settled(world)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_put_that_is_repeated_overwrites_what_came_in_between(policy: str) -> None:
    """The answer to the put gets lost, somebody puts a policy, and botocore puts the guard's once more."""
    with World.open() as world:
        world.injector.operation, world.injector.fault = "kms.PutKeyPolicy", Fault.LOST_ANSWER
        late: list[str] = []
        world.meanwhile[PUT + 1] = lambda: late.append(world.put(policy, "event-2", "Auditor"))

        world.run()
        world.send(late[0])
        world.run()

        assert MARK not in world.policy
        assert is_known(world)
        assert is_settled(world)


@pytest.mark.parametrize("call", range(len(LOOK)))
def test_a_look_that_hangs_does_not_take_back_what_was_seen_later(call: int) -> None:
    """The guard's own event is looked at, and before any call of that look somebody opens the key, which is given up.

    What the hanging look has read was true once; it must not tell that the key is closed, nor take the key up again.
    """
    with World.open({"CONTESTED_AFTER": "1"}) as world:
        world.run()
        own = world.event("event-2", world.policy, "Guard")
        world.meanwhile[len(world.injector.calls) + call] = lambda: world.work_on(
            world.put(OPEN, "event-3", "Pipeline")
        )

        world.send(own)
        world.run()

        assert (world.meanwhile, world.log) == ({}, [])
        assert world.kinds == ["remediate", "remediated", "contested"]
        assert world.ledger.state(world.key).contested_since is not None
        assert world.policy == OPEN


@pytest.mark.parametrize("minutes", [0, 3])
@pytest.mark.parametrize("call", LOOK)
def test_a_look_that_hangs_does_not_open_a_closed_case_again(call: int, minutes: int) -> None:
    """The same event comes twice; one run hangs in any call of its look until the other's order is carried out.

    Three minutes are longer than a claim lasts.
    """
    with World.open() as world:

        def meanwhile() -> None:
            world.work_on(world.event())
            world.work_off("remediations")
            world.time.shift(timedelta(minutes=minutes))

        world.meanwhile[call] = meanwhile

        world.run()

        assert (world.meanwhile, world.log) == ({}, [])
        assert world.kinds == ["remediate", "remediated"]
        assert is_settled(world)
        world.send(world.put(OPEN, "event-4", "Pipeline"))
        world.run()
        assert is_settled(world)  # nothing is left that keeps the guard from what is new


def test_somebody_who_never_stops_makes_the_order_come_again() -> None:
    """Three plans in a row are out of date before they can be carried out; six minutes later one is not."""
    with World.open() as world:
        puts = [partial(world.put, marked(OPEN, f"{MARK}{number}"), "event-2", "Auditor") for number in (2, 1, 0)]
        before_each_last_reading(world, puts)

        world.run()

        assert world.log == ["on_remediation: 1 must come again"]
        assert f"{MARK}2" in world.policy
        assert is_settled(world)


def test_who_is_told_of_an_overwritten_policy_is_told_once() -> None:
    """EventBridge may deliver the event of the call again."""
    with World.open() as world:
        late: list[str] = []
        world.meanwhile[PUT] = lambda: late.append(world.put(marked(closed()), "event-2", "Auditor"))

        world.run()
        for _ in range(2):
            world.send(late[0])
            world.run()

        told = [alert["data"] for alert in world.told if alert["data"]["kind"] == "overwritten"]
        assert [alert["change"]["actor"] for alert in told] == [f"arn:aws:iam::{OURS}:user/Auditor"]
        assert f'-      "Sid": "{MARK}"' in told[0]["diff"]
