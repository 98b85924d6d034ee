"""What a command does only with somebody's consent, and how it says that it does not do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.cli.inputs import InputError

if TYPE_CHECKING:
    from collections.abc import Callable


class NotDone(InputError):
    """What was asked for is not done, and somebody has to think again: one line on standard error, exit status 1."""

    exit_code = 1


class OutOfDate(InputError):
    """What was asked for is about a policy that the key no longer has: one line on standard error, exit status 3."""

    exit_code = 3


def yes_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--yes``."""
    return click.option("--yes", is_flag=True, help="Do not ask back; for scripts.")(function)


def confirm(question: str, *, yes: bool) -> None:
    """Goes on only if somebody says yes; the question goes to standard error.

    Raises:
        NotDone: somebody says no, or nobody is there to be asked.
    """
    if yes:
        return
    try:
        if click.confirm(question, err=True):
            return
    except click.Abort:  # the end of standard input
        click.echo(err=True)
    raise NotDone("nothing is done; give --yes where nobody can be asked")
