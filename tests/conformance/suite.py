"""The cases of ``tests/cases``: one JSON file each, see its README."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kms_perimeter import perimeter as perimeters
from kms_perimeter.policy.key import Key

if TYPE_CHECKING:
    from kms_perimeter.perimeter import Perimeter

FOLDER = Path(__file__).parents[1] / "cases"
VERDICTS = ("enclosed", "escapes", "undecided", "malformed")


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        name: folder and sentence, such as ``enclosed/a-deny-binds-grantees``.
        policy_text: the key policy as text.
        key: the key that it is attached to.
        perimeter: the perimeter that the key is under.
        expect: the member of that name, as it stands in the file.
    """

    name: str
    policy_text: str
    key: Key
    perimeter: Perimeter
    expect: dict[str, Any]

    @property
    def verdict(self) -> str:
        """The folder, which is the verdict."""
        return self.name.partition("/")[0]


def files() -> list[Path]:
    """Every case file, in the order of names."""
    return [path for verdict in VERDICTS for path in sorted((FOLDER / verdict).glob("*.json"))]


def read(path: Path) -> Case:
    """The case in a file."""
    body = json.loads(path.read_text())
    text = body["policy_text"] if "policy_text" in body else json.dumps(body["policy"], ensure_ascii=False)
    document = json.dumps({"version": 1, "perimeters": [body["perimeter"]]})
    [perimeter] = perimeters.load(document).perimeters
    return Case(f"{path.parent.name}/{path.stem}", text, Key(**body["key"]), perimeter, body["expect"])


def all_of(*verdicts: str) -> list[Case]:
    """Every case of these verdicts."""
    return [read(path) for path in files() if path.parent.name in verdicts]
