"""docs/comparison.md tells of others what was measured, and nothing else."""

from __future__ import annotations

import re

import pytest

from tests.unit.command import ROOT

COMPARISON, BENCHMARKS = ((ROOT / "docs" / name).read_text() for name in ("comparison.md", "benchmarks.md"))
CHECKERS = ("Cloud Custodian", "policyuniverse", "Prowler")


def row(page: str, name: str, cells: int) -> list[str]:
    """The cells of the row of that name in the table with so many columns."""
    rows = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", page, re.MULTILINE)
    (found,) = [split for split in ([cell.strip() for cell in one.split("|")] for one in rows) if len(split) == cells]
    return found


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_wrong_answers_are_those_of_the_last_measurement(checker: str) -> None:
    """The same numbers in both places."""
    median, p95, ratio, *counted = row(BENCHMARKS, checker, 7)

    assert row(COMPARISON, checker, 4) == counted
    assert float(ratio.removesuffix("x")) < 1 / 15
    assert (float(median), float(p95)) > (0, 0)


def test_the_policies_are_those_of_the_last_measurement() -> None:
    """How many there were, and of which kind."""
    counted = r"(\d+) (?:key policies from public repositories|enclosed|escapes)"
    policies, enclosed, escapes = re.findall(counted, BENCHMARKS.split("5 rounds")[0].rsplit("\n\n", 1)[1])
    agreed, asked, gave_up = re.findall(r"z3's answer is ours in (\d+) of (\d+); it gave up on (\d+)", BENCHMARKS)[0]

    said = " ".join(COMPARISON.split())
    assert f"On {policies} key policies from public repositories" in said
    assert f"of {enclosed} that they are enclosed and of {escapes} that something escapes" in said
    assert f"z3 in {agreed} of the {asked} policies that z3 was asked about (z3 gave up on the other {gave_up})" in said
