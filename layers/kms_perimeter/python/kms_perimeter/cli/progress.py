"""Progress of long work, on standard error and only where that is a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kms_perimeter.cli import colour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID


class Bar:
    """A bar for each part of the work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def start(self, name: str, total: int) -> Tick:
        """Shows a new part of the work, of so many steps."""
        return Tick(self._progress, self._progress.add_task(name, total=total))


class Tick:
    """Tells one bar that a step is done."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def __call__(self) -> None:
        """One step is done."""
        self._progress.advance(self._task)


@contextmanager
def bar() -> Iterator[Bar]:
    """A bar that is gone when the work is done."""
    console = Console(stderr=True, **colour.of_console())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress)
