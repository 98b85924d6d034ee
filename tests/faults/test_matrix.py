"""Every call on the way x everything that can go wrong with it.

Something has happened to a key, and word of it waits in a queue. One kind of call then fails in one way: once, or for
as long as the outage lasts. Whatever happens, in the end the key is as it should be, people were told, by mail and in
Slack, the replaced policy is in the ledger, and nothing lies in a queue. The table that pytest prints at its end says
for each cell how it healed:

    at once   the call was tried again by botocore, or is not needed
    retry     the queue, or Lambda, brought the message back
    redrive   the message was given up; somebody sent the dead letters back once the cause was mended
    sweep     nothing was left to come back; the next sweep found the key

Right before and right after each call a witness looks whether the live policy is one that people have put, or a proved
one whose predecessor is in the ledger, so no cell can pass by an unsafe way.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.deployment.iam_actions import CALLS
from tests.faults.faults import ONCE, Fault, makes_sense
from tests.faults.scenarios import FINDINGS, FOR_A_WHILE, OPENED, SCENARIOS, STORM, SWEPT, Scenario, calls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.world import World


def rows() -> Iterator[tuple[Scenario, str]]:
    """Every call that a function makes in some scenario, with the first one in which it does."""
    known: set[str] = set()
    for scenario in (OPENED, SWEPT, FOR_A_WHILE, STORM, FINDINGS, *SCENARIOS):
        for call in sorted(set(calls_of(scenario)) - known):
            yield scenario, call
            known.add(call)


ROWS = list(rows())
CELLS = [
    pytest.param(scenario, call, fault, id=f"{call}, {fault.value}")
    for scenario, call in ROWS
    for fault in Fault
    if makes_sense(fault, call)
]


def duplicates_are_marked(world: World) -> bool:
    """Whether two alerts of one kind about one cause have the same mark."""
    marks = {(told["data"]["kind"], (told["data"].get("change") or {}).get("event_id")) for told in world.told}
    return len(marks) == len({told["dedup_key"] for told in world.told})


@pytest.mark.parametrize(("scenario", "call", "fault"), CELLS)
def test_heals(scenario: Scenario, call: str, fault: Fault, record_cell: Callable[[str, str, str], None]) -> None:
    """Whatever a call suffers, all comes to the same end, and nothing is lost on the way."""
    with scenario.open() as world:
        world.injector.operation, world.injector.fault = call, fault

        how = scenario.heal(world)

        record_cell(call, fault.value, how)
        assert world.injector.struck > 0
        assert how != "never", world.log
        assert how != "at once" or fault is not Fault.PARTIAL or call.startswith("dynamodb."), "it was not noticed"
        assert duplicates_are_marked(world)
        assert world.log or told_why(world) or how == "at once" or fault is Fault.GONE, "nobody knows why"


def test_a_digest_outlives_one_outage_after_the_other(record_cell: Callable[[str, str, str], None]) -> None:
    """Each run of `on_digest` meets another one; what waits for the digest waits on, until somebody sends it back."""
    with STORM.open() as world:
        injector, lasting = world.injector, [fault for fault in Fault if fault not in ONCE]
        injector.operation, injector.within, injector.outages = "sns.Publish", "on_digest", list(lasting)

        how = STORM.heal(world)

        for fault, failed in injector.met.items():
            record_cell("on_digest: sns.Publish", fault.value, how if failed else "at once")
        assert injector.met == dict.fromkeys(lasting, True)
        assert how == "redrive", world.log
        assert duplicates_are_marked(world)


@pytest.mark.parametrize("fault", [Fault.THROTTLED_ONCE, Fault.LOST_ANSWER, Fault.KILLED])
def test_a_digest_outlives_a_blip(fault: Fault, record_cell: Callable[[str, str, str], None]) -> None:
    """It is tried again, and may come twice by the same mark."""
    with STORM.open() as world:
        world.injector.operation, world.injector.within, world.injector.fault = "sns.Publish", "on_digest", fault

        how = STORM.heal(world)

        record_cell("on_digest: sns.Publish", fault.value, how)
        assert world.injector.struck == 1
        assert how == ("retry" if fault is Fault.KILLED else "at once")
        digests = [told["dedup_key"] for told in world.told if told["data"]["kind"] == "digest"]
        assert len(set(digests)) == 1


def told_why(world: World) -> bool:
    """Whether people were told what kept the guard from its work, where a retry would not have cured it."""
    return bool({"unreadable", "refused"} & set(world.kinds))


def test_the_faults_that_strike_once_are_those_that_can() -> None:
    """What must last for as long as an outage is not called a blip."""
    assert {Fault.THROTTLED_ONCE, Fault.LOST_ANSWER, Fault.KILLED, Fault.PARTIAL} == set(ONCE)


NOT_ON_THE_WAY = {
    "dynamodb.Scan": "the command line's list of all keys",
    "dynamodb.DeleteItem": "nothing is ever deleted",
    "dynamodb.BatchWriteItem": "nothing writes so",
    "sts.AssumeRole": "the fleet's sweep, which a state machine tries again",
    "cloudformation.DescribeStacks": "likewise",
    "lambda.Invoke": "likewise",
    "s3.PutObject": "the report after a sweep, which test_reports.py has rows for",
    "cloudwatch.PutMetricData": "metrics go by the log",
}
_EVENT_NAMES = {"secretsmanager": "secrets-manager", "events": "eventbridge"}


def test_every_call_that_a_function_may_make_has_a_row() -> None:
    """tests/deployment knows all calls, since a call that is not in its list fails there: so none is left out here."""
    known = {":".join((_EVENT_NAMES.get(service, service), name)) for service, name in map(_parts, CALLS)}

    left_out = {call.replace(":", ".") for call in known} - {call for _, call in ROWS}

    assert left_out <= set(NOT_ON_THE_WAY)


def _parts(call: str) -> tuple[str, str]:
    service, _, name = call.partition(":")
    return service, name


def test_each_call_is_struck_in_one_scenario() -> None:
    """A row is a call: the same one twice would be two rows of one name."""
    assert [call for call, times in Counter(call for _, call in ROWS).items() if times > 1] == []
