"""The cases themselves: that they can be read, and by others."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.conformance.suite import VERDICTS, files, read

if TYPE_CHECKING:
    from pathlib import Path

STRINGS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
ESCAPE = {
    "type": "object",
    "required": ["operation", "route"],
    "additionalProperties": False,
    "properties": {"operation": {"pattern": "^kms:[A-Z]"}, "route": {"enum": ["key-policy", "iam", "grant"]}},
}
EXPECT = {
    "type": "object",
    "required": ["verdict"],
    "additionalProperties": False,
    "properties": {
        "verdict": {"enum": list(VERDICTS)},
        "escapes": {"type": "array", "items": ESCAPE, "minItems": 1},
        "exactly": {"type": "boolean"},
        "not_escaping": STRINGS,
        "advisories": STRINGS,
        "reason_contains": {"type": "string"},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["about", "key", "perimeter", "expect"],
    "oneOf": [{"required": ["policy"]}, {"required": ["policy_text"]}],
    "additionalProperties": False,
    "properties": {
        "about": {"type": "string", "minLength": 12},
        "policy": {"type": "object"},
        "policy_text": {"type": "string"},
        "key": {"type": "object"},
        "perimeter": {"type": "object"},
        "expect": EXPECT,
    },
}


@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_case_has_the_form_that_the_readme_gives(path: Path) -> None:
    """The file is as the README says, its name is a sentence, and its folder is its verdict."""
    body = json.loads(path.read_text())

    jsonschema.validate(body, SCHEMA)
    case = read(path)

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", path.stem)
    assert case.verdict == case.expect["verdict"]
    assert ("escapes" in case.expect) == (case.verdict == "escapes")


def test_there_are_enough_cases_of_each_kind() -> None:
    """At least 150 cases, and some of each verdict."""
    counts = {verdict: sum(path.parent.name == verdict for path in files()) for verdict in VERDICTS}

    assert sum(counts.values()) >= 150
    assert min(counts.values()) >= 15
