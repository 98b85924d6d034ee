"""`kms-perimeter validate`: whether a perimeter file is good, and where not."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.unit.command import CASES, ROOT, run

GOOD = str(CASES / "several.perimeter.yaml")
WRONG = """\
version: 1
perimeters:
  - name: a
    rules:
      - {name: use, operations: [kms:Decypt], vpcs: [vpc-0a1b2c3d]}
"""
KEY = "arn:aws:kms:us-east-1:111122223333:key/k"
DUBIOUS = f"""\
version: 1
perimeters:
  - name: a
    rules:
      - {{name: use, operations: [cryptographic], vpcs: [vpc-2b2b2b2b]}}
exceptions:
  - {{key: "{KEY}", reason: r, owner: o, expires: 2020-01-31}}
"""


def test_tells_what_a_good_file_says() -> None:
    """Each perimeter is told with its keys, mode and rules."""
    ran = run("validate", GOOD)

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == f"{GOOD}: valid"
    assert "every key, mode alert, rules `use` (cryptographic)" in ran.out


def test_tells_where_a_file_is_wrong_and_what_was_meant(tmp_path: Path) -> None:
    """The place is a path, a line and a column; of several files, the good ones are told too."""
    file = tmp_path / "perimeter.yaml"
    file.write_text(WRONG)
    place = {"path": "perimeters[0].rules[0].operations[0]", "line": 5, "column": 34}

    ran, as_json = run("validate", str(file), GOOD), run("validate", str(file), "--format", "json")

    message = "`kms:Decypt` is no group and matches no operation on a KMS key; did you mean `kms:Decrypt`?"
    assert (ran.status, as_json.status) == (2, 2)
    assert ran.err == f"kms-perimeter: {file}: {place['path']}, line 5, column 34: {message}\n"
    assert f"{GOOD}: valid" in ran.out
    assert as_json.json["valid"] is False
    assert as_json.json["error"] == {"message": message, **place}


def test_warns_of_what_is_probably_not_meant() -> None:
    """An exception that has expired and a network from documentation are allowed and told."""
    ran = run("validate", "-", "--format", "json", stdin=DUBIOUS)

    assert (ran.status, ran.json["valid"]) == (0, True)
    assert ran.json["warnings"] == [
        f"the exception for {KEY} expired on 2020-01-31, so the key is judged like any other",
        "`vpc-2b2b2b2b`, in rule `use` of perimeter `a`, is an ID from documentation",
    ]
    assert "  warning: the exception" in run("validate", "-", stdin=DUBIOUS).out


def test_several_files_are_an_array() -> None:
    """Programs get one answer for each file, in their order."""
    printed = run("validate", GOOD, str(ROOT / "docs/examples/perimeter.json"), "--format", "json").json

    assert [one["valid"] for one in printed] == [True, True]


def test_gives_editors_the_schema() -> None:
    """The schema is the one that the package has, and a JSON Schema."""
    schema = json.loads(run("validate", "--schema").out)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == "KMS Perimeter: perimeter file"


@pytest.mark.parametrize(
    ("arguments", "said"), [((), "give a perimeter file, or --schema"), (("no-such-file",), "no such file")]
)
def test_nothing_to_validate_is_bad_usage(arguments: tuple[str, ...], said: str) -> None:
    """No file, or one that is not there, is status 2."""
    ran = run("validate", *arguments)

    assert ran.status == 2
    assert said in ran.err
