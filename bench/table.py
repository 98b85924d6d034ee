"""Times and counts as a table in Markdown."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def middle(rounds: Sequence[Sequence[float]]) -> list[float]:
    """Of each question, the median over the rounds."""
    return [median(times) for times in zip(*rounds, strict=True)]


def p95(times: Sequence[float]) -> float:
    """The 95th percentile."""
    return quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """How many times as long as ours theirs takes, by the medians over the same questions."""
    times = median(theirs) / median(ours)
    return f"{times:.0f}x" if times >= 10 else f"{times:.2g}x"  # noqa: PLR2004


def ms(time: float) -> str:
    """Milliseconds, to three digits or so."""
    return f"{time:.0f}" if time >= 100 else f"{time:.2f}" if time >= 1 else f"{time:.4f}"  # noqa: PLR2004


def lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The table: its first column to the left, the others to the right."""
    marks = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (head, marks, *rows)]
