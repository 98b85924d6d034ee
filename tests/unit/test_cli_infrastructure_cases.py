"""The templates of tests/cases/infrastructure: the folder is the verdict, the file name says why."""

from pathlib import Path

import pytest

from tests.unit.command import ROOT, run

CASES = ROOT / "tests" / "cases" / "infrastructure"
FILES = sorted(CASES.glob("*/*"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_gets_the_verdict_of_its_folder(file: Path) -> None:
    """Nothing is made up about what is known only at deployment, and nothing that can be told is left open."""
    ran = run("check", str(file), "--perimeter", str(CASES / "perimeter.json"), "--format", "json")

    assert [one["verdict"] for one in ran.json] == [file.parent.name]
