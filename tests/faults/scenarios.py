"""What can happen to a key, from the first call to the last: the ways on which calls can fail.

Which calls there are on a way is not written down anywhere: a run in which nothing fails is recorded.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from tests.faults import memory
from tests.faults.surroundings import arn_of
from tests.faults.world import World
from tests.unit.account import OPEN, closed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.faults.faults import Fault
    from tests.faults.injection import Injector


@dataclass(frozen=True)
class Scenario:
    """Something that happens to a key.

    Attributes:
        name: what happens.
        begin: what happens before anything can fail.
        done: whether all has come to the end that it comes to when nothing fails, but for what every end has.
        settings: variables that differ.
        subscribers: the functions that get the alerts.
    """

    name: str
    begin: Callable[[World], object]
    done: Callable[[World], bool]
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    subscribers: tuple[str, ...] = ("on_alert",)

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def open(self) -> Iterator[World]:
        """A world in which it is about to happen."""
        with World.open(self.settings, self.subscribers) as world:
            self.begin(world)
            world.injector.calls.clear()
            yield world

    def is_over(self, world: World) -> bool:
        """Whether the end is reached: people were told of all of it in Slack too, and nothing lies anywhere."""
        posted = {message["text"] for message in world.slack.messages}
        told = bool(world.told) and all(alert["text"] in posted for alert in world.told)
        return self.done(world) and told and world.dead == 0

    def heal(self, world: World) -> str:
        """Lets the world run through its outage and then mends it as an operator would; says what it took.

        Returns:
            ``at once``, ``retry``, ``redrive``, ``sweep``, or ``never``.
        """
        world.run()
        if self.is_over(world):
            return "retry" if world.log else "at once"
        world.injector.operation = ""
        world.slack.recover()
        if world.redrive():
            world.run()
            if self.is_over(world):
                return "redrive"
        world.time.shift(timedelta(hours=6))
        world.sweep()
        world.run()
        return "sweep" if self.is_over(world) else "never"


@cache
def calls_of(scenario: Scenario) -> tuple[str, ...]:
    """The calls of a run in which nothing fails, in their order."""
    with scenario.open() as world:
        world.run()
        assert scenario.is_over(world), (scenario.name, world.log, world.kinds)
        assert world.log == [], world.log
        return tuple(world.injector.calls)


def strike(injector: Injector, scenario: Scenario, step: int, fault: Fault) -> None:
    """Has a fault strike the call that is number `step` of the recorded run, and none other."""
    calls = calls_of(scenario)
    injector.operation, injector.fault = calls[step], fault
    injector.at = Counter(calls[:step])[calls[step]]


def _is_fixed(world: World) -> bool:
    return world.is_fixed() and "remediated" in world.kinds


def _nothing(_: World) -> None:
    """The event is in the queue already."""


def _event_gets_lost(world: World) -> None:
    world.take("changes")
    world.send('{"sweep": "noon"}', "sweeps")


def _is_open_for_a_while(world: World) -> None:
    """The key is closed again before the guard hears that it was opened."""
    world.take("changes")
    opened = world.event("event-1")
    world.time.shift(timedelta(minutes=1))
    world.put(closed(), "event-2")
    world.send(opened)


def _story_is_told(world: World) -> bool:
    recorded = [entry for entry in world.ledger.entries(world.key) if "exposure" in entry.facts]
    return world.enclosed and len(recorded) == 1 and "exposure-closed" in world.kinds


def _is_opened_again(world: World) -> None:
    world.run()
    world.time.shift(timedelta(minutes=1))
    world.send(world.put(OPEN, "event-2"))


def _is_left_alone(world: World) -> bool:
    return world.ledger.state(world.key).contested_since is not None and "contested" in world.kinds


def _digest_is_told(world: World) -> bool:
    keys = [key for alert in world.told if alert["data"]["kind"] == "digest" for key in alert["data"]["keys"]]
    return world.is_fixed() and world.key in keys


def _somebody_listens(world: World) -> None:
    """A rule on the event bus that puts every event into a queue."""
    queue, events = world.aws("sqs").create_queue(QueueName="findings")["QueueUrl"], world.aws("events")
    events.put_rule(Name="findings", EventPattern='{"detail-type": [{"exists": true}]}')
    events.put_targets(Rule="findings", Targets=[{"Id": "1", "Arn": arn_of("findings")}])
    world.resources.queues["findings"] = queue


def _findings_are_reported(world: World) -> bool:
    imported = world.aws("securityhub").get_findings()["Findings"]
    heard = memory.waiting(world.resources.queues["findings"])
    return _is_fixed(world) and heard >= len(world.told) and [one["RecordState"] for one in imported] == ["ARCHIVED"]


A_DAY = str(24 * 60)
OPENED = Scenario("a key is opened", _nothing, _is_fixed)
SWEPT = Scenario("a key is opened and its event gets lost", _event_gets_lost, _is_fixed)
FOR_A_WHILE = Scenario("a key was open for a while", _is_open_for_a_while, _story_is_told)
CONTESTED = Scenario(
    "a key is opened time and again",
    _is_opened_again,
    _is_left_alone,
    {"CONTESTED_AFTER": "1", "CONTESTED_WINDOW_MINUTES": A_DAY},
)
STORM = Scenario("there is too much to say", _nothing, _digest_is_told, {"MOST_ALERTS": "1"})
FINDINGS = Scenario(
    "alerts go to Security Hub too",
    _somebody_listens,
    _findings_are_reported,
    {"SECURITY_HUB": "true"},
    ("on_alert", "on_finding"),
)
SCENARIOS = (OPENED, SWEPT, FOR_A_WHILE, CONTESTED, STORM, FINDINGS)
