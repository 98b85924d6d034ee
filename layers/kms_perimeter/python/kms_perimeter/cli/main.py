"""The command `kms-perimeter`: finds the subcommand and imports no other."""

from __future__ import annotations

import errno
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, cast

import click

from kms_perimeter import __version__
from kms_perimeter.cli import colour

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

GROUPS = {
    "Policies and other files": {
        "check": "Prove that key policies keep their key inside a perimeter, or show how not.",
        "fix": "Make a key policy that keeps its key inside a perimeter.",
        "evaluate": "Decide concrete requests under a key policy.",
        "validate": "Tell whether perimeter files are good, and where not.",
        "replay": "Tell what the service would decide on CloudTrail events, without AWS.",
    },
    "An account": {
        "init": "Write a first perimeter file from the networks that the account has.",
        "scan": "Judge every key of an account, and change none.",
        "doctor": "Tell whether the service can do its work in an account.",
    },
    "A deployment of the service": {
        "history": "Tell the story of a key, or of a day, from the ledger.",
        "approve": "Say yes to a plan that the guard has asked about.",
        "exempt": "Answer for a key until a day, so that it is left alone until then.",
        "rollback": "Put back a policy that was replaced.",
        "resume": "Let the guard take up a key again that it has given up as contested.",
        "redrive": "Show what the service has given up and why, and send it back.",
    },
    "Help": {
        "explain": "Print what a verdict or an advisory means, and what to do about it.",
        "completion": "Print the script that teaches a shell to complete the commands.",
    },
}
COMMANDS = {name: told for group in GROUPS.values() for name, told in group.items()}


INTERRUPTED = 130  # as a shell has it: 128 and the signal; no verdict's status


class LazyGroup(click.Group):
    """Imports a subcommand only when it is called, so that `--version` and completion are quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of the subcommands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """The subcommand of that name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        command = cast("click.Command", getattr(import_module(f"kms_perimeter.cli.{cmd_name}"), cmd_name))
        if not any(parameter.name == "no_color" for parameter in command.params):
            command.params.append(colour.option())
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """The list of subcommands in the help, without importing them."""
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(list(group.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may come next, without importing the subcommands."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for completion

        names = [CompletionItem(name, help=told) for name, told in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Runs the subcommand; whatever it or AWS refuses becomes one line on standard error.

        Raises:
            InputError: the line.
        """
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            click.echo("kms-perimeter: interrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:
            from kms_perimeter.cli import inputs, refusals  # noqa: PLC0415 - only where something is refused

            line = refusals.told(error) or _of_the_system(error)  # botocore's time-outs are an OSError too
            if line is None:
                raise
            raise inputs.InputError(line) from error


def _of_the_system(error: Exception) -> str | None:
    """The line for what the operating system refuses; None for all else, and if nobody reads on: click knows that."""
    if not isinstance(error, OSError) or error.errno in (None, errno.EPIPE):
        return None
    return f"{error.filename or 'the output'}: {(error.strerror or str(error)).lower()}"


EPILOG = """\
\b
Examples:
  kms-perimeter check policy.json --perimeter perimeter.json
  kms-perimeter fix policy.json --perimeter perimeter.yaml --out fixed.json
  kms-perimeter evaluate policy.json --request request.json
  kms-perimeter replay event.json --perimeter perimeter.json
  kms-perimeter init && kms-perimeter scan --perimeter perimeter.yaml --plan
  kms-perimeter doctor --stack kms-perimeter

Exit status: 0 fine, 1 not fine, 2 bad usage or input, 3 undecided; each command's help says more.
"""


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name="kms-perimeter", message="%(prog)s %(version)s")
@click.option(
    "--docs-url",
    metavar="URL",
    envvar="KMS_PERIMETER_DOCS_URL",
    show_envvar=True,
    help="Where docs/ is published, for links; without it, they name `explain`.",
)
def main(docs_url: str | None) -> None:
    """A KMS key can be used only from the networks its owner approved: prove it, or see the request that escapes."""
    del docs_url  # whoever prints links asks the context for it
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a terminal or pipe cannot show is spelled, and ends no command
            stream.reconfigure(errors="backslashreplace")


main.params.append(colour.option())
