"""Two instances of a function, the remediation and somebody who puts policies, interleaved call by call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kms_perimeter.fingerprint import fingerprint
from tests.faults.interleaving import Stage
from tests.faults.test_order_of_events import POLICIES
from tests.faults.world import World
from tests.property.deep import DEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGES = 8  # as many as each worker asks for; whatever is left is worked on when all have ended
OPEN_AGAIN, CLOSED_AGAIN = ("remediate", "alert"), ("remediated", "exposure-closed")
SECOND = 2  # of the two that look at changes


@dataclass(frozen=True)
class Play:
    """Who puts what, and who has how many turns, one after the other.

    Attributes:
        puts: names of the policies, each with the turns that pass between the call and its event.
        turns: an actor and for how many calls it goes on.
    """

    puts: tuple[tuple[str, int], ...]
    turns: tuple[tuple[int, int], ...]

    def choices(self) -> Iterator[int]:
        """Who is next, for as long as that is written."""
        for actor, calls in self.turns:
            yield from [actor] * calls


plays = st.builds(
    Play,
    st.lists(st.tuples(st.sampled_from(list(POLICIES)), st.integers(0, 6)), min_size=1, max_size=3).map(tuple),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=30).map(tuple),
)


def people(world: World, stage: Stage, play: Play) -> Callable[[], None]:
    """Those who put the policies; each event comes a while after its call."""

    def act() -> None:
        for number, (name, late) in enumerate(play.puts):
            stage.turn()
            event = world.put(POLICIES[name], f"event-{number + 2}", f"Writer{number}")
            for _ in range(late):
                stage.turn()
            world.send(event)

    return act


def worker(world: World, stage: Stage, queue: str, instance: int) -> Callable[[], None]:
    """An instance of a queue's function, which takes one message at a time."""

    def act() -> None:
        for _ in range(MESSAGES):
            if not world.poll(queue, instance, 1):
                stage.turn()

    return act


def act_out(world: World, play: Play) -> None:
    """Lets the play happen, and whatever is left to do after it."""
    stage = Stage(world)
    workers = [
        worker(world, stage, "changes", 1),
        worker(world, stage, "changes", 2),
        worker(world, stage, "remediations", 1),
    ]
    stage.play([people(world, stage, play), *workers], play.choices())
    world.run()


@pytest.mark.parametrize("mode", ["enforce", "alert"])
@settings(max_examples=25 * DEEP, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(play=plays)
@example(play=Play((("enclosed", 0),), ((SECOND, 9),)))  # has read the open policy and hangs while it is closed
def test_the_last_word_is_true(mode: str, play: Play) -> None:
    """Whoever was quicker, the ledger knows the live policy, and people believe of the key what is so.

    Nobody is told that it is open more often than it was opened, nor anything twice.
    """
    with World.open({"CONTESTED_AFTER": "20", "MODE": mode}) as world:
        act_out(world, play)

        state = world.ledger.state(world.key)
        said = [kind for kind in world.kinds if kind in OPEN_AGAIN + CLOSED_AGAIN]
        openings = 1 + sum(name.startswith("open") for name, _ in play.puts)
        marks = [told["dedup_key"] for told in world.told]
        assert state.settled is not None
        assert state.settled.fingerprint == fingerprint(world.policy)
        assert world.enclosed is (state.opening is None)
        assert world.enclosed or mode == "alert"
        assert (said[-1] in CLOSED_AGAIN if said else True) is world.enclosed
        assert sum(kind in OPEN_AGAIN for kind in said) <= openings
        assert len(marks) == len(set(marks))
