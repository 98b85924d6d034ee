"""docs/security-model.md names tests that there are."""

import ast
import re

import pytest

from local.embedded import REPOSITORY

PAGE = (REPOSITORY / "docs" / "security-model.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ASKED_FOR = (
    "forged event",
    "tags",
    "perimeter file",
    "floods the topic",
    "abuses the role",
    "stops logging",
    "approval is forged",
    "write to the ledger",
)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_test_is_there(file: str, name: str) -> None:
    """A test that is renamed or taken away leaves no claim behind."""
    tree = ast.parse((REPOSITORY / file).read_text())

    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_attack_names_its_test() -> None:
    """No row of a table is a claim alone."""
    rows = [
        line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith(("|--", "| who | tries"))
    ]

    assert [row[:60] for row in rows if "`tests/" not in row] == []
    assert len(rows) > 20


@pytest.mark.parametrize("attack", ASKED_FOR)
def test_the_usual_questions_are_answered(attack: str) -> None:
    """What a reviewer asks first is there."""
    assert attack in PAGE
