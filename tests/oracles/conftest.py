"""One iam-simulate for the whole run, and what was forgiven it told at the end."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.oracles import iam_simulate
from tests.oracles.agreement import Tally
from tests.oracles.iam_simulate import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

TALLIES = pytest.StashKey[dict[str, Counter[str]]]()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """A running iam-simulate; where there is none, the test is skipped, and says so in the summary of warnings too."""
    if reason := iam_simulate.missing():
        warnings.warn(f"NOT COMPARED with iam-simulate: {reason}", stacklevel=1)
        pytest.skip(f"NOT COMPARED with iam-simulate: {reason}")
    with Simulator() as running:
        yield running


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Counts of this test, shown when the run ends."""
    tallies = request.config.stash.setdefault(TALLIES, {})
    return Tally(tallies.setdefault(request.node.originalname, Counter()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the deep tests out unless they are asked for by name: they take minutes."""
    if "deep" in config.option.markexpr:
        return
    deep = [item for item in items if item.get_closest_marker("deep")]
    config.hook.pytest_deselected(items=deep)
    items[:] = [item for item in items if item not in deep]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How often the engines were compared, and what was forgiven."""
    for name, counts in config.stash.get(TALLIES, {}).items():
        terminalreporter.write_line(f"{name}: " + "; ".join(f"{counts[what]} {what}" for what in counts))
