"""Records: to whoever uses them no different from frozen dataclasses."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import kms_perimeter
from kms_perimeter.policy.key import Key
from kms_perimeter.policy.record import record, replace
from kms_perimeter.policy.request import StatementRef

SLOW = ("inspect", "dataclasses", "socket", "ipaddress", "subprocess", "asyncio", "logging", "boto3")


@record
class Point:
    """A place on a map."""

    x: int
    y: int = 0

    @property
    def sum(self) -> int:
        """Both together."""
        return self.x + self.y


def test_a_record_is_made_by_place_or_by_name_and_says_what_it_is() -> None:
    """The constructor takes the fields in order, with their defaults, and the text could be typed in again."""
    assert Point(1) == Point(x=1, y=0)
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"
    assert Point(1, 2).sum == 3
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]


def test_a_record_equals_another_of_its_class_with_the_same_fields() -> None:
    """Equality and hash are by the fields, and never across classes."""
    assert Point(1, 2) != Point(2, 1)
    assert {Point(1, 2), Point(1, 2)} == {Point(1, 2)}
    assert Point(0) != StatementRef(0, None)  # type: ignore[comparison-overlap]


def test_a_record_does_not_change() -> None:
    """No field can be set or deleted, and none added."""
    point = Point(1)

    for name in ("x", "z"):
        with pytest.raises(AttributeError, match=f"cannot change field '{name}' of a frozen Point"):
            setattr(point, name, 2)
    with pytest.raises(AttributeError, match="cannot change field 'x'"):
        del point.x


def test_a_record_is_replaced_copied_pickled_and_matched() -> None:
    """What takes a record apart and together again yields an equal one."""
    key = Key("111122223333", tags={"a": "b"})

    assert replace(key, region="us-east-1") == Key("111122223333", "us-east-1", tags={"a": "b"})
    assert copy.deepcopy(key) == pickle.loads(pickle.dumps(key)) == key  # noqa: S301
    match Point(3, 4):
        case Point(x, y):
            assert (x, y) == (3, 4)


def test_the_functions_of_dataclasses_take_a_record_for_one() -> None:
    """Other rooms of the product need not know what the engine's values are made by."""
    point = Point(1, 2)

    assert dataclasses.is_dataclass(point)
    assert dataclasses.replace(point, y=5) == Point(1, 5)
    assert dataclasses.asdict(point) == {"x": 1, "y": 2}


def test_the_engine_starts_without_what_is_slow_to_import() -> None:
    """A fresh process that imports the engine has none of the modules that would take longer than it."""
    program = f"import sys, kms_perimeter.verdict; print([m for m in {SLOW} if m in sys.modules])"

    package = Path(kms_perimeter.__file__).parents[1]  # `-S` leaves out how an editable installation is found
    environment = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, "-S", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)

    assert ran.stdout == "[]\n"
