"""Several functions at work at once, one call to AWS at a time, in an order that the test decides.

Each actor has a thread, but only one of them ever runs: it goes on until its next call to AWS, and then somebody
chooses who is next. So a race is no matter of luck, and one that was found once is found again.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.world import World

PATIENCE = 30  # seconds: somebody waits for somebody who waits for him


@dataclass
class Actor:
    """Somebody who acts."""

    act: Callable[[], None]
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ended: bool = False
    failure: BaseException | None = None


class Stage:
    """The actors of a world, and whose turn it is."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._actors: dict[int, Actor] = {}
        self._back = threading.Semaphore(0)

    def turn(self) -> None:
        """Lets the others have their turn; called by an actor, and for it before each of its calls to AWS."""
        me = self._actors.get(threading.get_ident())
        if me is None:
            return
        function = self._world.witness.function
        self._back.release()
        assert me.go.acquire(timeout=PATIENCE)
        self._world.witness.function = function

    def play(self, acts: list[Callable[[], None]], choices: Iterator[int]) -> None:
        """Has all of them act to their ends; `choices` says who of those who are left is next, by any number."""
        actors = [Actor(act) for act in acts]
        threads = [threading.Thread(target=self._act, args=(actor,), daemon=True) for actor in actors]
        with self._in_turn():
            for thread in threads:
                thread.start()
            while left := [actor for actor in actors if not actor.ended]:
                left[next(choices, 0) % len(left)].go.release()
                assert self._back.acquire(timeout=PATIENCE)
        for thread in threads:
            thread.join()
        failures = [actor.failure for actor in actors if actor.failure]
        if failures:
            raise failures[0]

    def _act(self, actor: Actor) -> None:
        self._actors[threading.get_ident()] = actor
        try:
            assert actor.go.acquire(timeout=PATIENCE)
            self._world.witness.function = ""
            actor.act()
        except BaseException as failure:  # noqa: BLE001 - raised where the test can see it
            actor.failure = failure
        finally:
            actor.ended = True
            self._back.release()

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Before each call to AWS, an actor waits for its turn."""
        otherwise = self._world.injector.meanwhile

        def meanwhile(sent: int) -> None:
            self.turn()
            otherwise(sent)

        self._world.injector.meanwhile = meanwhile
        try:
            yield
        finally:
            self._world.injector.meanwhile = otherwise
