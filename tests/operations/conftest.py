"""What the tests of operations share: the template, and its strings as they are once it is deployed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfnlint.decode import decode  # type: ignore[import-untyped]

from local.embedded import REPOSITORY
from tests.unit.conftest import account

__all__ = ["account"]

MODES = {
    "everything": frozenset(
        {
            "HasButtons",
            "HasDashboard",
            "HasEmail",
            "HasSlack",
            "MayRemediate",
            "SweepsFleet",
            "WarnsEarly",
            "WarnsEarlyOfRemediation",
        }
    ),
    "early warnings in the mode alert": frozenset({"HasDashboard", "WarnsEarly"}),
    "as little as there can be": frozenset({"HasDashboard"}),
}


def read(name: str) -> dict[str, Any]:
    """A template of the repository, with its intrinsic functions in their long form."""
    decoded, problems = decode(str(REPOSITORY / name))
    assert not problems
    whole: dict[str, Any] = json.loads(json.dumps(decoded))
    return whole


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """template.yaml."""
    return read("template.yaml")


@pytest.fixture(scope="session")
def central() -> dict[str, Any]:
    """central.yaml."""
    return read("central.yaml")


@pytest.fixture(params=list(MODES.values()), ids=list(MODES))
def conditions(request: pytest.FixtureRequest) -> frozenset[str]:
    """The conditions of the template that hold."""
    chosen: frozenset[str] = request.param
    return chosen


def resolved(value: Any, conditions: frozenset[str]) -> str:  # noqa: ANN401 - JSON
    """A string of the template with Fn::If decided and Fn::Sub done; what only AWS knows is left as its own name."""
    match value:
        case str():
            return value
        case {"Fn::If": [condition, yes, no]}:
            return resolved(yes if condition in conditions else no, conditions)
        case {"Fn::Sub": str(text)}:
            return _substituted(text, {})
        case {"Fn::Sub": [text, values]}:
            return _substituted(text, {name: resolved(one, conditions) for name, one in values.items()})
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return str(name)
    raise ValueError(value)


def _substituted(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{([A-Za-z:.]+)\}", lambda found: values.get(found[1], found[1].partition(".")[0]), text)
