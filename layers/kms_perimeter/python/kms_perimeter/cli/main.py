"""The command `kms-perimeter`: finds the subcommand and imports no other."""

from __future__ import annotations

from importlib import import_module
from typing import cast

import click

from kms_perimeter import __version__

COMMANDS = {
    "check": "Prove that key policies keep their key inside a perimeter, or show how not.",
    "evaluate": "Decide concrete requests under a key policy.",
    "fix": "Make a key policy that keeps its key inside a perimeter.",
    "approve": "Say yes to a plan that the guard has asked about.",
    "resume": "Let the guard take up a key again that it has given up as contested.",
    "replay": "Tell what the service would decide on CloudTrail events, without AWS.",
}


class LazyGroup(click.Group):
    """Imports a subcommand only when it is called, so that `--version` and completion are quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of the subcommands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """The subcommand of that name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        return cast("click.Command", getattr(import_module(f"kms_perimeter.cli.{cmd_name}"), cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """The list of subcommands in the help, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


EPILOG = """\
\b
Examples:
  kms-perimeter check policy.json --perimeter perimeter.json
  kms-perimeter fix policy.json --perimeter perimeter.yaml --out fixed.json
  kms-perimeter evaluate policy.json --request request.json
  kms-perimeter replay event.json --perimeter perimeter.json

Exit status: 0 fine, 1 not fine, 2 bad usage or input, 3 undecided; each command's help says more.
"""


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name="kms-perimeter", message="%(prog)s %(version)s")
def main() -> None:
    """A KMS key can be used only from the networks its owner approved: prove it, or see the request that escapes."""
