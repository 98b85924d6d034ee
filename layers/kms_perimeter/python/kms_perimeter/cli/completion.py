"""`completion`: the script that teaches a shell to complete the commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PROGRAM, VARIABLE = "kms-perimeter", "_KMS_PERIMETER_COMPLETE"

EPILOG = """\
\b
Examples:
  kms-perimeter completion bash > ~/.local/share/bash-completion/completions/kms-perimeter
  kms-perimeter completion zsh > ~/.zfunc/_kms-perimeter
  kms-perimeter completion fish > ~/.config/fish/completions/kms-perimeter.fish

Exit status: 0, or 2 for a shell that is not known.
"""


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that teaches a shell to complete commands, options, profiles and files.

    Put it where the shell looks for completions, and open a new shell. For zsh the folder must be in `fpath`.
    """
    from kms_perimeter.cli.main import main  # noqa: PLC0415 - which in turn finds this command

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows each of the choices
    click.echo(kind(main, {}, PROGRAM, VARIABLE).source())
