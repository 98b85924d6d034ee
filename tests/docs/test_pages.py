"""Each verdict and each advisory has its page, its example gives just that, and what is told leads there."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from kms_perimeter import report
from kms_perimeter.cli.explain import meaning
from kms_perimeter.verdict import Code, Outcome
from tests.report import fleets
from tests.unit.command import OPEN, ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"
PERIMETER = ("--perimeter", str(DOCS / "examples" / "perimeter.json"))
PAGES: dict[Outcome | Code, str] = {
    **{outcome: f"verdicts/{outcome.value}.md" for outcome in Outcome},
    **{code: f"advisories/{code.value}.md" for code in Code},
}
PARTS = ["Why it matters", "An example", "What to do", "Where it comes from"]
PUBLISHED = "https://git.example.com/kms-perimeter/docs"


def text_of(told: Outcome | Code) -> str:
    """The page of a verdict or an advisory."""
    return (DOCS / PAGES[told]).read_text()


def test_each_code_has_its_page_and_each_page_its_code() -> None:
    """Neither is ever without the other."""
    written = {f"{folder}/{path.name}" for folder in ("verdicts", "advisories") for path in (DOCS / folder).iterdir()}

    assert written == set(PAGES.values())


@pytest.mark.parametrize("told", PAGES)
def test_a_page_says_what_it_means_why_it_matters_and_what_to_do(told: Outcome | Code) -> None:
    """In the same order on each page, and with the document of AWS that it rests on."""
    page = text_of(told)

    assert page.startswith(f"# `{told.value}`\n\n")
    assert re.findall(r"^\*\*([^*]+?)\.\*\*", page, re.MULTILINE) == PARTS
    assert "](https://docs.aws.amazon.com/" in page.split("**Where it comes from.**")[1]


@pytest.mark.parametrize("told", [*Outcome, *(code for code in Code if code is not Code.CREATED_FROM_OUTSIDE)])
def test_the_example_gives_what_the_page_is_about(told: Outcome | Code, tmp_path: Path) -> None:
    """The engine itself says so of the policy on the page."""
    (policy,) = re.findall(r"```json\n(.*?)```", text_of(told), re.DOTALL)
    (tmp_path / "policy.json").write_text(policy)

    said = run("check", str(tmp_path / "policy.json"), *PERIMETER, "--format", "json").json

    assert told in (said["verdict"], *(advisory["code"] for advisory in said["advisories"]))


def test_the_example_of_a_call_from_outside_gives_that() -> None:
    """A policy does not tell where it was put from; the record on the page does."""
    (event,) = re.findall(r"\$ kms-perimeter replay (\S+)", text_of(Code.CREATED_FROM_OUTSIDE))

    with contextlib.chdir(ROOT):
        said = run("replay", event, *PERIMETER, "--format", "json").json

    assert Code.CREATED_FROM_OUTSIDE in [advisory["code"] for advisory in said["verdict"]["advisories"]]


@pytest.mark.parametrize("told", PAGES)
def test_a_page_is_printed_by_explain(told: Outcome | Code) -> None:
    """Word for word into a pipe, without a network; and the list has its first paragraph."""
    assert run("explain", told.value).out == text_of(told)
    assert f"- `{told.value}`: {meaning(told.value)}\n" in run("explain").out


def test_the_installed_package_has_the_pages(tmp_path: Path) -> None:
    """Who installs from a package index has no docs/ beside the command."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.read(f"kms_perimeter/cli/pages/{name}").decode() for name in PAGES.values()}

    assert packed == {page: (DOCS / page).read_text() for page in PAGES.values()}


def read_on(*arguments: str) -> str:
    """The last line of a command's output."""
    return run(*arguments).out.splitlines()[-1]


def test_the_command_line_says_where_to_read_on() -> None:
    """In one line: the command for it, or, where docs/ is published, the address of the page that matters most."""
    published = run("check", OPEN, *PERIMETER, env={"KMS_PERIMETER_DOCS_URL": PUBLISHED}).out

    assert read_on("check", OPEN, *PERIMETER) == "read on: kms-perimeter explain escapes"
    assert published.splitlines()[-1] == f"read on: {PUBLISHED}/verdicts/escapes.md"
    assert read_on("--docs-url", PUBLISHED, "check", OPEN, *PERIMETER) == published.splitlines()[-1]


def test_nothing_is_said_where_nothing_is_wrong(tmp_path: Path) -> None:
    """An enclosed policy without an advisory needs no reading."""
    (policy,) = re.findall(r"```json\n(.*?)```", text_of(Outcome.ENCLOSED), re.DOTALL)
    (tmp_path / "policy.json").write_text(policy)

    assert "read on" not in run("check", str(tmp_path / "policy.json"), *PERIMETER).out


def test_code_scanning_links_to_the_pages() -> None:
    """Each rule's help leads to its page where docs/ is published, and names the command in any case."""
    log = run("--docs-url", PUBLISHED, "check", OPEN, *PERIMETER, "--format", "sarif").json

    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["helpUri"] for rule in rules] == [f"{PUBLISHED}/verdicts/{rule['id']}.md" for rule in rules]
    assert all(f"`kms-perimeter explain {rule['id']}`" in rule["help"]["text"] for rule in rules)


def pages_of(html: str) -> Any:  # noqa: ANN401 - JSON
    """The links that the report's script sets."""
    data = re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert data
    return json.loads(data[1])["pages"]


def test_the_report_links_to_the_pages() -> None:
    """Every advisory and every verdict that needs explaining, if docs/ is published; else it names the command."""
    links = pages_of(report.render(fleets.small(), PUBLISHED))

    assert links["grants-bypass"] == f"{PUBLISHED}/advisories/grants-bypass.md"
    assert links["open"] == f"{PUBLISHED}/verdicts/escapes.md"
    assert {f"{PUBLISHED}/{page}" for told, page in PAGES.items() if told is not Outcome.ENCLOSED} == set(
        links.values()
    )
    unpublished = pages_of(report.render(fleets.small()))
    assert {*unpublished.values()} == {
        f"kms-perimeter explain {PurePosixPath(link).stem}" for link in links.values() if "/verdicts/" in link
    }
