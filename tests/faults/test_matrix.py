"""Every call on the way x everything that can go wrong with it.

A key was opened, and its event waits. One kind of call then fails in one way: once, or for as long as the outage lasts.
Whatever happens, in the end the key is enclosed, people were told, and the replaced policy is in the ledger. The table
that pytest prints at its end says for each cell how it healed:

    at once   the call was tried again by botocore, or is not needed
    retry     the queue brought the message back
    redrive   the message was given up; somebody sent the dead letters back once the cause was mended
    sweep     nothing was left to come back; the next sweep found the key

After each call of a function the world looks whether the live policy is the old one, or a proved one whose predecessor
is in the ledger (`World.is_safe`), so no cell can pass by an unsafe way.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.faults.injection import ONCE, Fault
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = (
    "ssm.GetParameter",
    "kms.DescribeKey",
    "kms.ListResourceTags",
    "kms.ListAliases",
    "kms.GetKeyPolicy",
    "kms.ListGrants",
    "kms.PutKeyPolicy",
    "dynamodb.GetItem",
    "dynamodb.UpdateItem",
    "dynamodb.TransactWriteItems",
    "sqs.SendMessage",
    "sns.Publish",
    "secrets-manager.GetSecretValue",
)
CELLS = [
    pytest.param(call, fault, id=f"{call}, {fault.value}")
    for call in CALLS
    for fault in Fault
    if fault is not Fault.KEY_GONE or call.startswith("kms.")
]


def heal(world: World) -> str:
    """Lets the world run through its outage and then mends it as an operator would; says what it took."""
    world.run()
    if world.is_healed():
        return "retry" if world.log else "at once"
    world.injector.operation = ""
    if world.redrive():
        world.run()
        if world.is_healed():
            return "redrive"
    world.time.shift(timedelta(hours=6))
    world.sweep()
    world.run()
    return "sweep" if world.is_healed() else "never"


def duplicates_are_marked(world: World) -> bool:
    """Whether two alerts of one kind about one cause have the same mark."""
    marks = {(told["data"]["kind"], (told["data"].get("change") or {}).get("event_id")) for told in world.told}
    return len(marks) == len({told["dedup_key"] for told in world.told})


@pytest.mark.parametrize(("call", "fault"), CELLS)
def test_heals(call: str, fault: Fault, record_cell: Callable[[str, str, str], None]) -> None:
    """Whatever a call suffers, the key ends enclosed, told and recorded, and nothing is lost on the way."""
    with World.open() as world:
        world.injector.operation, world.injector.fault = call, fault

        how = heal(world)

        record_cell(call, fault.value, how)
        assert world.injector.struck > 0
        assert how != "never", world.log
        assert duplicates_are_marked(world)
        assert world.log or told_why(world) or how == "at once" or fault is Fault.KEY_GONE, "nobody knows why"


def told_why(world: World) -> bool:
    """Whether people were told what kept the guard from its work, where a retry would not have cured it."""
    return bool({"unreadable", "refused"} & {told["data"]["kind"] for told in world.told})


STEPS = range(21)


@pytest.mark.parametrize("step", STEPS)
def test_a_process_may_die_after_any_call(step: int) -> None:
    """However far a run has come when it dies, the next ones complete its work."""
    with World.open() as world:
        world.run()
        assert world.is_healed()
        calls = world.injector.calls
    assert len(calls) == len(STEPS)  # so that each call has its test

    with World.open() as world:
        call = world.injector.operation = calls[step]
        world.injector.fault, world.injector.at = Fault.KILLED, Counter(calls[:step])[call]

        how = heal(world)

        assert world.injector.struck == 1
        assert how in ("retry", "sweep"), (call, how, world.log)
        assert duplicates_are_marked(world)


@pytest.mark.parametrize("step", STEPS)
def test_an_answer_may_get_lost_after_any_call(step: int) -> None:
    """A call that took effect and is repeated does no harm: neither botocore's repetition nor the queue's."""
    with World.open() as world:
        world.run()
        calls = world.injector.calls

    with World.open() as world:
        call = world.injector.operation = calls[step]
        world.injector.fault, world.injector.at = Fault.LOST_ANSWER, Counter(calls[:step])[call]

        how = heal(world)

        assert world.injector.struck == 1
        assert how != "never", (call, world.log)
        assert duplicates_are_marked(world)


def test_a_message_that_is_not_deleted_comes_again_and_does_no_harm() -> None:
    """Lambda's poller may fail to delete what was worked on; the second time there is nothing left to do."""
    with World.open() as world:
        world.undeleted = 3

        world.run()

        assert world.is_healed()
        assert [told["data"]["kind"] for told in world.told] == ["remediate", "remediated"]


@pytest.mark.parametrize(("times", "how"), [(1, "retry"), (30, "redrive")])
@pytest.mark.parametrize("status", [429, 500])
def test_slack_may_be_away(times: int, how: str, status: int) -> None:
    """Lambda tries again, and what Slack never took waits for a person."""
    with World.open() as world:
        world.slack.fail(times, status)

        world.run()
        posted = len(world.slack.messages)
        assert (posted, world.dead) == ((2, 0) if how == "retry" else (0, 2))
        world.slack.recover()
        world.redrive()

        assert len(world.slack.messages) == 2
        assert any("SlackIsBusy" in line for line in world.log)


def test_the_faults_that_strike_once_are_those_that_can() -> None:
    """What must last for as long as an outage is not called a blip."""
    assert {Fault.THROTTLED_ONCE, Fault.LOST_ANSWER, Fault.KILLED} == set(ONCE)
