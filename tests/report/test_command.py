"""`kms-perimeter scan --format html`, as docs/report.md tells it."""

import contextlib
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from moto import mock_aws

from tests.unit.account import OPEN
from tests.unit.command import ROOT
from tests.unit.terminal import Terminal

COMMANDS = re.findall(r"^\$ (kms-perimeter .*)", (ROOT / "docs/report.md").read_text(), re.MULTILINE)
AGAINST_A_STACK = "--stack"


@pytest.mark.parametrize("command", [command for command in COMMANDS if AGAINST_A_STACK not in command])
def test_the_documented_command_writes_the_report(command: str, tmp_path: Path) -> None:
    """A file is there with the open key, the change that would close it, and the status that the doc says."""
    shutil.copy(ROOT / "docs/examples/perimeter.json", tmp_path / "perimeter.yaml")  # JSON is YAML too
    with mock_aws(), contextlib.chdir(tmp_path):
        terminal = Terminal()
        arn = terminal.key(OPEN, alias="alias/orders")

        ran = terminal.run(*shlex.split(command)[1:])

    assert (ran.status, ran.err) == (1, "written to report.html\n")
    page = (tmp_path / "report.html").read_text()
    assert "1 of 1 key can be used from outside the approved networks." in page
    (data,) = re.findall(r'<script type="application/json" id="data">(.*)</script>', page)
    assert arn in json.loads(data)["keys"][0]
    assert "KmsPerimeterGuard" in data


def test_the_page_documents_a_command() -> None:
    """Else the test above would test nothing."""
    assert COMMANDS
