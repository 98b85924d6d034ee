"""Colours: on a terminal only, and never where NO_COLOR or `--no-color` forbids them.

rich looks for the terminal and for NO_COLOR, FORCE_COLOR and TERM by itself; `--no-color` is kept in click's context.
"""

from __future__ import annotations

from typing import TypedDict

import click


class ConsoleOptions(TypedDict, total=False):
    """Those of rich's `Console` that say whether there are colours."""

    color_system: None


def option() -> click.Option:
    """The option ``--no-color``, which every command has."""
    return click.Option(
        ["--no-color"], is_flag=True, expose_value=False, callback=_forbid, help="No colours, on a terminal either."
    )


def of_console() -> ConsoleOptions:
    """What a console must be made with."""
    context = click.get_current_context(silent=True)
    forbidden = context is not None and context.color is False
    return {"color_system": None} if forbidden else {}


def _forbid(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        context.color = False
