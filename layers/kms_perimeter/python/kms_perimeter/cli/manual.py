"""The manual: docs/command-line.md, made from the commands themselves by ``python -m kms_perimeter.cli.manual``."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING

import click

from kms_perimeter.cli.main import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 120
HEAD = """\
# The command line

<!-- Made by `make docs` from the commands' own help; a test keeps it so. Change the help, not this page. -->

`kms-perimeter COMMAND --help` says of each command what stands here. What all of them have in common:

- **Output** is for people by default, with colours on a terminal only: `--no-color` and the variable `NO_COLOR` take
  them away. `--format json` is for programs, and everything else goes to standard error, progress among it.
- **Errors** are one line on standard error, with what to do.
- **Exit status**: 0 fine, 1 not fine, 2 bad usage or input, 3 undecided; of several, the highest. Where a command's own
  differs, it says so. 130 is an interrupted command, which has found nothing.
- **AWS** is reached as the AWS command line reaches it: profiles, single sign-on, roles, `AWS_REGION`,
  `AWS_ENDPOINT_URL`. What a command may need is listed with it; nothing but `approve`, `exempt`, `rollback`,
  `resume` and `redrive` changes anything.
- **Links**: what is told leads to its page. `kms-perimeter --docs-url URL COMMAND`, or the variable
  `KMS_PERIMETER_DOCS_URL`, says where docs/ is published; without it, text names the command `explain` that prints it.
- **Completion**: `kms-perimeter completion bash` (or `zsh`, `fish`) prints the script for the shell.

"""


def page() -> str:
    """The page."""
    context = click.Context(main, info_name="kms-perimeter", **main.context_settings)
    lines = ["| command | what it does |", "|---|---|"]
    lines += [f"| [`{name}`](#{name}) | {told} |" for name, told in COMMANDS.items()]
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None  # noqa: S101 - it is one of them
        lines += _section(command, click.Context(command, context, info_name=name))
    return HEAD + "\n".join(lines) + "\n"


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    yield from ("", f"## {context.info_name}", "", "```", _usage(command, context), "```", "")
    for paragraph in _paragraphs(inspect.cleandoc(command.help or "")):
        yield from (_filled(" ".join(paragraph)), "")
    yield from ("| option | what it says |", "|---|---|")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option):
            yield f"| `{_cell(record[0])}` | {_cell(' '.join(record[1].split()))} |"
    for paragraph in _paragraphs(inspect.cleandoc(command.epilog or "")):
        yield ""
        yield from _of_epilog(paragraph)


def _usage(command: click.Command, context: click.Context) -> str:
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _of_epilog(paragraph: list[str]) -> Iterator[str]:
    """Examples as code; everything else, such as what it needs and the exit status, as a paragraph."""
    head, rest = paragraph[0], paragraph[1:]
    if not head.startswith("Example"):
        word, _, text = " ".join(line.strip() for line in paragraph).partition(": ")
        yield _filled(f"**{word}**: {text}")
        return
    block = "json" if "request" in head else "sh"
    yield from (f"**{head.removesuffix(':')}**:", "", f"```{block}", *(line[2:] for line in rest), "```")


def _paragraphs(text: str) -> Iterator[list[str]]:
    for paragraph in text.split("\n\n"):
        lines = [line for line in paragraph.splitlines() if line.strip("\b ")]
        if lines:
            yield lines


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    click.echo(page(), nl=False)
