"""What the template's parameters take, and refuse before anything is deployed. The values to try are in a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

TRIED: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("parameters.json").read_text())


def takes(parameter: dict[str, Any], value: str) -> bool:
    """Whether CloudFormation takes a value, by the rules of *Parameters section structure*."""
    if parameter["Type"] == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return False
    if "AllowedValues" in parameter:
        return value in map(str, parameter["AllowedValues"])
    if "MinValue" in parameter or "MaxValue" in parameter:
        least, most = float(parameter.get("MinValue", "-inf")), float(parameter.get("MaxValue", "inf"))
        return least <= float(value) <= most
    if not parameter.get("MinLength", 0) <= len(value) <= parameter.get("MaxLength", 4096):
        return False
    return re.fullmatch(parameter["AllowedPattern"], value) is not None


def test_every_parameter_is_tried_with_good_and_bad_values(template: dict[str, Any]) -> None:
    """Whoever adds a parameter says in parameters.json what it takes and what it must refuse."""
    assert set(TRIED) == set(template["Parameters"])
    assert all(values["good"] and values["bad"] for values in TRIED.values())


@pytest.mark.parametrize("name", TRIED)
def test_a_parameter_takes_what_is_right_and_refuses_what_is_not(name: str, template: dict[str, Any]) -> None:
    """A webhook's URL, for one, must never be given as a parameter, where everybody could read it."""
    parameter = template["Parameters"][name]

    assert [value for value in TRIED[name]["good"] if not takes(parameter, value)] == []
    assert [value for value in TRIED[name]["bad"] if takes(parameter, value)] == []


def test_every_parameter_says_what_it_takes(template: dict[str, Any]) -> None:
    """A wrong value is refused with a sentence."""
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter), name
        assert "ConstraintDescription" in parameter or "AllowedValues" in parameter, name


def test_the_console_shows_every_parameter_in_a_group_with_a_label(template: dict[str, Any]) -> None:
    """A person who deploys by the console reads words, not identifiers."""
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]

    assert {name for group in interface["ParameterGroups"] for name in group["Parameters"]} == set(
        template["Parameters"]
    )
    assert set(interface["ParameterLabels"]) == set(template["Parameters"])


def test_every_default_is_a_value_that_is_taken(template: dict[str, Any]) -> None:
    """And every parameter has a default, so that an upgrade never asks for what nobody knows."""
    defaults = {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()}

    assert [name for name, value in defaults.items() if not takes(template["Parameters"][name], value)] == []
