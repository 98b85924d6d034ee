"""docs/perimeter-file.md says what the loader does."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from kms_perimeter.cli import yaml_text
from kms_perimeter.perimeter import Perimeter, PerimeterFile, Rule, load
from tests.unit.command import OPEN, run

DOCS = (Path(__file__).parents[2] / "docs" / "perimeter-file.md").read_text()
BLOCKS = dict(re.findall(r"```(json|yaml|console)\n(.*?)```", DOCS, re.DOTALL))


@pytest.mark.parametrize(("block", "perimeters"), [("json", 1), ("yaml", 3)])
def test_the_examples_load(block: str, perimeters: int) -> None:
    """Both example files are accepted as they stand."""
    file = load(BLOCKS[block]) if block == "json" else yaml_text.load(BLOCKS[block])

    assert len(file.perimeters) == perimeters


@pytest.mark.parametrize("model", [PerimeterFile, Perimeter, Rule])
def test_every_member_is_explained(model: type[object]) -> None:
    """Each member has its row in a table."""
    explained = set(re.findall(r"^\| `([a-z_]+)` \|", DOCS, re.MULTILINE))

    assert {field.name for field in fields(model)} <= explained  # type: ignore[arg-type]


def test_the_refusal_is_what_is_said(tmp_path: Path) -> None:
    """The refusal that the document shows is the one that a person gets."""
    file = tmp_path / "perimeter.yaml"
    rule = "- name: use\n        operations: [kms:Decypt]\n        vpcs: [vpc-2b2b2b2b]"
    file.write_text(f"version: 1\nperimeters:\n  - name: a\n    rules:\n      {rule}\n")

    ran = run("check", OPEN, "--perimeter", str(file))

    assert ran.err.replace(str(tmp_path) + "/", "") == BLOCKS["console"].splitlines(keepends=True)[1]
