"""Every single call on the way: the process may die after it, its answer may get lost, its subject may be gone by then.

Where the matrix has one cell for all calls of a kind, here each call of a recorded run has its own tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.faults import Fault
from tests.faults.scenarios import CONTESTED, FOR_A_WHILE, OPENED, Scenario, calls_of, strike
from tests.faults.test_matrix import duplicates_are_marked

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from tests.faults.world import World

STEPS = [(scenario, step) for scenario in (OPENED, FOR_A_WHILE, CONTESTED) for step in range(len(calls_of(scenario)))]


def steps_of(*services: str) -> list[ParameterSet]:
    """The calls of these services; of all, if none is named."""
    return [
        pytest.param(scenario, step, id=f"{scenario}, {step}, {calls_of(scenario)[step]}")
        for scenario, step in STEPS
        if not services or calls_of(scenario)[step].startswith(services)
    ]


def vanish(world: World, scenario: Scenario, step: int) -> None:
    """From this call on, what its service has is gone."""
    service = calls_of(scenario)[step].partition(".")[0]
    world.injector.operation, world.injector.fault, world.injector.since = f"{service}.*", Fault.GONE, step


@pytest.mark.parametrize(("scenario", "step"), steps_of())
def test_a_process_may_die_after_any_call(scenario: Scenario, step: int) -> None:
    """However far a run has come when it dies, the next ones complete its work."""
    with scenario.open() as world:
        strike(world.injector, scenario, step, Fault.KILLED)

        how = scenario.heal(world)

        assert world.injector.struck == 1
        assert how in ("at once", "retry", "redrive", "sweep"), world.log
        assert duplicates_are_marked(world)


@pytest.mark.parametrize(("scenario", "step"), steps_of())
def test_an_answer_may_get_lost_after_any_call(scenario: Scenario, step: int) -> None:
    """A call that took effect and is repeated does no harm: neither botocore's repetition nor the queue's."""
    with scenario.open() as world:
        strike(world.injector, scenario, step, Fault.LOST_ANSWER)

        how = scenario.heal(world)

        assert world.injector.struck == 1
        assert how != "never", world.log
        assert duplicates_are_marked(world)


@pytest.mark.parametrize(("scenario", "step"), steps_of("dynamodb", "sqs", "sns", "ssm", "secrets-manager"))
def test_what_a_call_works_on_may_be_gone_by_then(scenario: Scenario, step: int) -> None:
    """A table, topic, queue, secret or parameter vanishes in the midst of a run, until somebody makes it anew."""
    with scenario.open() as world:
        vanish(world, scenario, step)

        how = scenario.heal(world)

        assert world.injector.struck > 0
        assert how in ("at once", "retry", "redrive"), world.log
        assert duplicates_are_marked(world)


@pytest.mark.parametrize(("scenario", "step"), steps_of("kms"))
def test_a_key_may_not_be_seen_for_a_moment(scenario: Scenario, step: int) -> None:
    """KMS: a change may take several minutes to be seen everywhere, so a young key may seem not to be there."""
    with scenario.open() as world:
        vanish(world, scenario, step)
        world.injector.most = 1

        how = scenario.heal(world)

        assert world.injector.struck == 1
        assert how in ("at once", "retry") or (how == "sweep" and "refused" in world.kinds), (how, world.log)
        assert duplicates_are_marked(world)


@pytest.mark.parametrize(("scenario", "step"), steps_of("kms"))
def test_a_key_may_be_gone_for_good(scenario: Scenario, step: int) -> None:
    """Then there is nothing left to guard: the work ends by itself, and no message is left for a person to look at."""
    with scenario.open() as world:
        vanish(world, scenario, step)

        world.run()

        assert world.injector.struck > 0
        assert world.dead == 0
        assert duplicates_are_marked(world)
