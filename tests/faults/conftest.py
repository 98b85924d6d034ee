"""Gathers what became of each cell of the matrix, and prints it as a table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tests.faults.injection import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

CELL = "cell"


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
    calls, faults = list(dict.fromkeys(call for call, _ in cells)), [fault.value for fault in Fault]
    terminalreporter.section("what became of a key that was opened while AWS failed")
    terminalreporter.line("".join(f"{word:<26}" for word in ("", *faults)))
    for call in sorted(calls):
        row = (cells.get((call, fault), "-") for fault in faults)
        terminalreporter.line("".join(f"{word:<26}" for word in (call, *row)))
