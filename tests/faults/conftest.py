"""Gathers what became of each cell of the matrix, and prints it as a table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from kms_perimeter.aws import clients
from tests.faults.faults import Fault
from tests.faults.surroundings import forget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CELL = "cell"
GAP = 2


@pytest.fixture(scope="package", autouse=True)
def _no_clients_are_left() -> Iterator[None]:
    """The worlds have their clients in common; nobody else has."""
    yield
    forget(clients)


@pytest.fixture
def record_cell(record_property: Callable[[str, object], None]) -> Callable[[str, str, str], None]:
    """Takes a call, a fault and how that healed."""
    return lambda call, fault, how: record_property(CELL, [call, fault, how])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The matrix: a row for each call, a column for each fault."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    told = [value for r in reports for name, value in getattr(r, "user_properties", ()) if name == CELL]
    cells = {(call, fault): how for call, fault, how in cast("list[list[str]]", told)}
    if not cells:
        return
    faults = [fault.value for fault in Fault]
    calls = sorted({call for call, _ in cells})
    table = [["", *faults], *([call, *(cells.get((call, fault), "-") for fault in faults)] for call in calls)]
    widths = [max(map(len, column)) + GAP for column in zip(*table, strict=True)]
    terminalreporter.section("how it healed: what happened to a key while a call failed")
    for row in table:
        terminalreporter.line("".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip())
