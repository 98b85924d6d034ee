"""The documentation as a reader sees it: its pages, and the commands on them with what they are said to print."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OURS = "kms-perimeter"


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a page tells its reader to run.

    Attributes:
        page: the page.
        line: where it stands on the page.
        program: what is run.
        words: what it is given.
        out: the file that it is written to by the shell; empty for none.
        printed: what the page says that it prints; empty where the page says nothing.
    """

    page: Path
    line: int
    program: str
    words: list[str]
    out: str
    printed: str

    def __str__(self) -> str:
        """Where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def commands_of(page: Path) -> Iterator[Command]:
    """The commands of a page's `console` blocks, in order; of `cmd && other` and `cmd | other` each."""
    text = page.read_text()
    for block in BLOCK.finditer(text):
        if block[1] == "console":
            yield from _of_block(page, text[: block.start(2)].count("\n") + 1, block[2])


def _of_block(page: Path, first: int, block: str) -> Iterator[Command]:
    for part in re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        line = first + block[: part.start()].count("\n")
        calls = re.split(r" && | \| ", re.sub(r"\\\n\s*", "", part[1]))
        for place, call in enumerate(calls, 1):
            run, _, out = call.partition(" > ")
            program, *words = shlex.split(run)
            yield Command(page, line, program.rpartition("/")[2], words, out, part[2] if place == len(calls) else "")
