"""Linters by others have nothing to say about template.yaml, but for what is wrong here, each with its reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.deploy import validate
from local.embedded import REPOSITORY

SAM_PYTHON = Path(os.environ.get("SAM_VENV", REPOSITORY / ".venvs" / "sam")) / "bin" / "python"
TRANSLATE = Path(__file__).with_name("translate.py")
CHECKOV = REPOSITORY / ".venvs" / "checkov" / "bin" / "checkov"
LEFT_OUT: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("checkov.json").read_text())
WRONG_HERE = {
    "ES6000": "asks for a dead-letter queue of a dead-letter queue",
    "ES7000": "asks for a dead-letter queue of an e-mail address",
    "W1033": "takes lists apart that a condition keeps away where they are empty",
    "WS1004": "looks for log groups by the function's name, and these are given to the function",
}


def test_cfn_lint_has_nothing_to_say() -> None:
    """With its rules for serverless templates too."""
    linter = Path(sys.executable).with_name("cfn-lint")
    rules = ["--append-rules", "cfn_lint_serverless.rules", "--ignore-checks", *WRONG_HERE]
    done = subprocess.run(
        [linter, *rules, "--", REPOSITORY / "template.yaml"], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.stack
def test_sam_finds_the_template_valid(tmp_path: Path) -> None:
    """`sam validate --lint`, as a user runs it."""
    validate(REPOSITORY / "template.yaml", scratch=tmp_path)


def test_checkov_finds_what_is_left_out_for_a_reason_and_nothing_else(template: dict[str, Any], tmp_path: Path) -> None:
    """Each check that fails is in checkov.json with its reason, and each that is there does fail."""
    if not CHECKOV.exists():
        pytest.skip("checkov is not installed: run `make test`")
    (tmp_path / "template.json").write_text(json.dumps(translated(template)))
    command = [str(CHECKOV), "--framework", "cloudformation", "--skip-download", "--compact", "--output", "json"]
    done = subprocess.run([*command, "--file", "template.json"], cwd=tmp_path, capture_output=True, check=False)

    results = json.loads(done.stdout)["results"]

    assert results["parsing_errors"] == []
    failed = {(check["check_id"], check["resource"].rsplit(".", 1)[-1]) for check in results["failed_checks"]}
    assert len(results["passed_checks"]) > len(failed)
    left_out = {(check, resource) for check, reasons in LEFT_OUT.items() for resource in reasons}
    assert {(check, name) for check, name in failed if {(check, name), (check, "*")}.isdisjoint(left_out)} == set()
    assert {(check, name) for check, name in left_out if name != "*"} <= failed
    assert set(LEFT_OUT) == {check for check, _ in failed}


def translated(template: dict[str, Any]) -> dict[str, Any]:
    """The template as SAM hands it to CloudFormation, in the mode in which all of it is deployed."""
    whole = json.loads(json.dumps(template))
    whole["Parameters"]["Mode"]["Default"] = "enforce"
    for resource in whole["Resources"].values():
        for code in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
            resource["Properties"][code] = "s3://bucket/code.zip"
    command = [SAM_PYTHON, TRANSLATE]
    environ = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(command, input=json.dumps(whole), env=environ, capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made
