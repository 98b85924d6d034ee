"""Events that come twice, late or in another order lead to the same end: they are hints, not the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kms_perimeter.fingerprint import fingerprint
from tests.faults.test_races import is_settled, marked
from tests.faults.world import World
from tests.property.deep import DEEP
from tests.unit.account import OPEN, closed

if TYPE_CHECKING:
    from kms_perimeter.aws.ledger import State

POLICIES = {
    "open": OPEN,
    "open to auditors too": marked(OPEN),
    "enclosed": closed(),
    "enclosed, with auditors": marked(closed()),
}
NEVER_CONTESTED = {"CONTESTED_AFTER": "20"}


@dataclass(frozen=True)
class History:
    """What people put on the key, and in what order the guard comes to hear of it.

    Attributes:
        puts: names of the policies, in the order in which they are put, after the open one that is there already.
        waits: seconds before each put.
        heard: before which put the guard hears of which events, by their numbers: some twice, some late, none twice the
            same way; 0 is the event of the policy that is there already. All others are heard of at the end.
        rest: the order of those that are left at the end.
    """

    puts: tuple[str, ...]
    waits: tuple[float, ...]
    heard: tuple[tuple[int, ...], ...]
    rest: tuple[int, ...] = field(default=())


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Histories of one to four puts."""
    puts = draw(st.lists(st.sampled_from(list(POLICIES)), min_size=1, max_size=4))
    waits = [draw(st.sampled_from((0.1, 2.0, 90.0))) for _ in puts]
    heard = [draw(st.lists(st.integers(0, number), max_size=3)) for number, _ in enumerate(puts)]
    known = {number for some in heard for number in some}
    left = [number for number in range(len(puts) + 1) if number not in known]
    again = draw(st.lists(st.sampled_from(range(len(puts) + 1)), max_size=3))
    rest = draw(st.permutations([*left, *again]))
    return History(tuple(puts), tuple(waits), tuple(map(tuple, heard)), tuple(rest))


def live_through(world: World, history: History) -> list[str]:
    """Lets a history happen, and returns its events."""
    world.take("changes")  # the first event has its turn, as the others
    events = [world.event("event-0")]
    for number, (name, seconds) in enumerate(zip(history.puts, history.waits, strict=True)):
        hear(world, [events[heard] for heard in history.heard[number]])
        world.time.shift(timedelta(seconds=seconds))
        events.append(world.put(POLICIES[name], f"event-{number + 1}", f"Writer{number + 1}"))
    hear(world, [events[heard] for heard in history.rest])
    return events


def hear(world: World, events: list[str]) -> None:
    """The guard hears of events, one after the other, and does what there is to do."""
    for event in events:
        world.send(event)
        world.run()


def what_is_known(state: State) -> tuple[object, ...]:
    """What the ledger knows of the key now, without the times, and whether its end was worth a message."""
    return (state.settled, state.opening, state.contested_since, state.refused)


@cache
def end_of(name: str) -> tuple[str, object]:
    """The live policy and what is known of it where this policy alone was put, and its event came once and at once."""
    with World.open(NEVER_CONTESTED) as world:
        live_through(world, History((name,), (90.0,), ((0,),), (1,)))
        return fingerprint(world.policy), what_is_known(world.ledger.state(world.key))


@settings(
    max_examples=12 * DEEP,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a history is short enough as it is, and each costs a second
    suppress_health_check=list(HealthCheck),
)
@given(history=histories())
def test_events_in_any_order_lead_to_the_same_end(history: History) -> None:
    """Only the policy that was put last counts; to hear of everything once more changes nothing and is no news.

    But for one thing: of what was put within five seconds before a plan the guard may say that it may be overwritten.
    """
    end = end_of(history.puts[-1])
    with World.open(NEVER_CONTESTED) as world:
        events = live_through(world, history)

        assert world.log == []
        assert is_settled(world)
        assert (fingerprint(world.policy), what_is_known(world.ledger.state(world.key))) == end
        marks = [told["dedup_key"] for told in world.told]
        assert len(marks) == len(set(marks))

        world.time.shift(timedelta(hours=1))
        hear(world, [*events, *reversed(events)])

        assert {told["data"]["kind"] for told in world.told[len(marks) :]} <= {"overwritten"}
        assert (fingerprint(world.policy), what_is_known(world.ledger.state(world.key))) == end
