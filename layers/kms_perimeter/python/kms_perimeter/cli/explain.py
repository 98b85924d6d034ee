"""`explain`: print the page of a verdict or an advisory, which is part of the package."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kms_perimeter.cli import colour
from kms_perimeter.verdict import Code, Outcome

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FOLDERS = {each.value: "verdicts" for each in Outcome} | {each.value: "advisories" for each in Code}

EPILOG = """\
\b
Examples:
  kms-perimeter explain escapes
  kms-perimeter explain grants-bypass source-ip-ineffective

Exit status: 0, or 2 for a word that is neither a verdict nor an advisory.
"""


@click.command(epilog=EPILOG)
@click.argument("words", metavar="[WORD]...", nargs=-1, type=click.Choice(list(FOLDERS)))
def explain(words: tuple[str, ...]) -> None:
    """Print what a verdict or an advisory means, with an example, and what to do about it.

    WORD is a verdict or the code of an advisory; without one, all of them are listed. On a terminal the page is laid
    out; a pipe gets it as Markdown.
    """
    if words:
        _print("\n\n".join(page(word) for word in words))
    else:
        _print("\n".join(f"- `{word}`: {meaning(word)}" for word in FOLDERS))


def page(word: str) -> str:
    """The page, as Markdown."""
    return (_pages() / FOLDERS[word] / f"{word}.md").read_text(encoding="utf-8")


def meaning(word: str) -> str:
    """What the page says first, in one paragraph."""
    return " ".join(page(word).split("\n\n")[1].split())


def _pages() -> Traversable:
    """In an installed package beside this file; in a checkout, docs/ of the repository."""
    packaged = resources.files("kms_perimeter.cli") / "pages"
    return packaged if packaged.is_dir() else Path(__file__).parents[5] / "docs"


def _print(markdown: str) -> None:
    if not sys.stdout.isatty():
        click.echo(markdown.rstrip("\n"))
        return
    from rich.console import Console  # noqa: PLC0415 - rich takes its time
    from rich.markdown import Markdown  # noqa: PLC0415 - likewise

    Console(**colour.of_console()).print(Markdown(markdown))
