"""Every command in README.md and docs/ is run, and prints what is said there; what is not run has its reason here."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import click
import pytest

from kms_perimeter.cli.main import COMMANDS, main
from tests.docs.pages import BLOCK, OURS, PAGES, Command, commands_of
from tests.docs.world import World, furnish
from tests.unit.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_RUN = {
    ".": "the shell's own; `make install` has made what it reads",
    "aws": "takes an account; tests/operations/test_runbooks.py holds operation and parameters against AWS's models",
    "sam": "asks a person; tests/stack and tests/deployment run `sam deploy` on the embedded AWS",
    "make": "takes minutes, and the tests are one of the targets; that the target exists is looked up below",
    "python": "runs tests that run anyway",
    "terraform": "is not ours; the plan that it would print lies in tests/unit/infrastructure",
}
ELSEWHERE = {
    "docs/command-line.md": "made from the commands' help, whose examples tests/unit/test_cli_examples.py runs"
}
FINE = {0, 1, 3}  # 2 is bad usage, or AWS refuses
WITH_COMMANDS = [page for page in PAGES if any(True for _ in commands_of(page))]
ALL = [command for page in PAGES for command in commands_of(page)]
INLINE = [(page, told) for page in PAGES for told in re.findall(rf"`{OURS} ([a-z]+(?: [^`]*)?)`", page.read_text())]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One for all pages: to make it takes longer than to run what stands on them."""
    with World.made() as made:
        yield made


def normal(printed: str) -> str:
    """What is printed, with what differs from account to account and from run to run as the documentation has it."""
    told = printed.replace("123456789012", "111122223333")
    told = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "KEY-ID", told)
    told = re.sub(r"vpce-[0-9a-f]{17}\b", "vpce-0a1b2c3d4e5f60718", told)
    told = re.sub(r"vpc-[0-9a-f]{8,17}\b", "vpc-0a1b2c3d4e5f60718", told)
    told = re.sub(r"\b(?=[a-f]*\d)[0-9a-f]{12}\b", "ENTRY", told)
    told = re.sub(r"\d\d:\d\d:\d\d UTC", "12:00:00 UTC", told)
    return re.sub(r"\bin \d+ s\b", "in 0 s", told)


def as_said(said: str) -> re.Pattern[str]:
    """What a page says that is printed; a line of three dots stands for any lines."""
    lines = [".*" if line.strip() == "…" else re.escape(line) for line in normal(said).splitlines()]
    return re.compile("\n".join(lines) + "\n?", re.DOTALL)


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_run_and_print_what_it_says(world: World, page: Path, tmp_path: Path) -> None:
    """In the order of the page, each in what those before it have left."""
    with contextlib.chdir(tmp_path):
        furnish(page)
        for command in commands_of(page):
            if command.program == OURS:
                ran = world.run(command)
                assert ran.status in FINE or command.printed, f"{command}: {ran.err}"
                assert "Usage: " not in ran.err, f"{command}: {ran.err}"
                if command.printed:
                    assert as_said(command.printed).fullmatch(normal(ran.out + ran.err)), f"{command}: {ran.out}"


def test_what_is_not_run_has_its_reason() -> None:
    """A program is ours and run, or stands in the table; no reason is left over."""
    assert {command.program for command in ALL} - {OURS} == NOT_RUN.keys()


def test_examples_that_are_run_elsewhere_stand_where_that_is_said() -> None:
    """Blocks of `sh` are on no other page."""
    with_sh = [page for page in PAGES if any(block[1] == "sh" for block in BLOCK.finditer(page.read_text()))]

    assert [str(page.relative_to(ROOT)) for page in with_sh] == list(ELSEWHERE)


@pytest.mark.parametrize("command", [c for c in ALL if c.program == "make"], ids=str)
def test_what_is_made_can_be_made(command: Command) -> None:
    """The Makefile has the target."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(command.words) <= set(targets)


@pytest.mark.parametrize(("page", "told"), INLINE, ids=lambda value: getattr(value, "name", value))
def test_commands_in_running_text_exist(page: Path, told: str) -> None:
    """The command is there and has each option that is named."""
    name, *words = told.split()
    assert name in COMMANDS, page

    command = main.get_command(click.Context(main), name)
    assert command
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known, page


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in an address, as GitHub and others make it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to another page finds the page, and its heading where it names one."""
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text()):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
