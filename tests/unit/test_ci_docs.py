"""docs/ci.md and the pre-commit hook say what the command does."""

import contextlib
import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from kms_perimeter import __version__
from tests.unit.command import ROOT, run

DOCS = (ROOT / "docs" / "ci.md").read_text()
COMMANDS = re.findall(r"(?:\$|run:) (kms-perimeter check .*)", DOCS)
HERE = Path(__file__).parent / "infrastructure"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command: str, tmp_path: Path) -> None:
    """Each command of the page gives verdicts, where its files are."""
    shutil.copy(ROOT / "docs" / "examples" / "perimeter.json", tmp_path)
    for file in HERE.iterdir():
        shutil.copy(file, tmp_path)

    with contextlib.chdir(tmp_path):
        ran = run(*shlex.split(command.split(" > ", maxsplit=1)[0])[1:])

    assert (ran.status, ran.err) == (3, "")


def test_the_examples_are_yaml_and_name_the_hook() -> None:
    """The workflow uploads what the command wrote, and the hook of the example exists."""
    workflow, hooks = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL))
    defined = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}

    upload = workflow["jobs"]["check"]["steps"][-1]
    (used,) = hooks["repos"][0]["hooks"]
    assert upload["with"]["sarif_file"] in DOCS.split("## pre-commit")[0].split(" > ")[-1]
    assert defined[used["id"]]["entry"] == "kms-perimeter check"


def test_the_repository_has_one_placeholder_that_is_explained() -> None:
    """Both examples take the package from the same place in the same version, and the page says what to write there."""
    sources = re.findall(r"https://github\.com/(\w+)/kms-perimeter", DOCS)
    versions = re.findall(r"(?:@|rev: )(v\d\.\d\.\d)\b", DOCS)

    assert sources == ["OWNER"] * 2
    assert versions == [f"v{__version__}"] * 2
    explained = DOCS.split("## GitHub Actions")[0]
    assert all(f"`{placeholder}`" in explained for placeholder in ("OWNER", f"v{__version__}"))
    assert "pip install kms-perimeter" not in DOCS
