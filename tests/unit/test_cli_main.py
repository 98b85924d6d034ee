"""The command itself: help, version, colours, and that it starts quickly."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from kms_perimeter import __version__
from kms_perimeter.cli.main import COMMANDS
from tests.unit.command import ENDPOINT, OPEN, run

WITHOUT_AWS = ("check", "evaluate", "fix", "replay")
SLOW = ("boto3", "botocore", "rich", "yaml", "kms_perimeter.verdict", "kms_perimeter.remedy")


def started(
    *arguments: str, stdin: str = "", stdout: IO[str] | int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    command = [sys.executable, "-m", "kms_perimeter.cli", *arguments]
    known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(
        command,
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
        env=known | environment,
    )


def test_tells_its_version() -> None:
    """The version is the package's."""
    assert run("--version").out == f"kms-perimeter {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str) -> None:
    """Help says what the command does, shows an example and explains the exit status."""
    ran = run(command, "--help")

    assert (ran.status, ran.err) == (0, "")
    assert f"kms-perimeter {command}" in ran.out.split("Example", 1)[1]
    assert "Exit status: 0" in ran.out
    assert COMMANDS[command] in " ".join(run("--help").out.split())


def test_an_unknown_command_is_bad_usage() -> None:
    """A command that does not exist is not guessed."""
    assert run("scna").status == 2


def test_starts_without_what_it_does_not_need() -> None:
    """Asking for the version imports no engine, no AWS SDK, no YAML and no colours."""
    code = (
        "import sys; from kms_perimeter.cli.main import main; main(['--version'], standalone_mode=False);"
        f"print([name for name in {SLOW!r} if name in sys.modules])"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines()[-1] == "[]"


def test_no_command_about_files_imports_the_aws_sdk() -> None:
    """Checking a policy needs neither AWS nor its SDK."""
    imports = ", ".join(f"kms_perimeter.cli.{command}" for command in WITHOUT_AWS)
    code = f"import sys, {imports}; print('boto3' in sys.modules or 'botocore' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"


def test_a_pipe_gets_no_colours() -> None:
    """What is not a terminal gets plain text."""
    ran = started("check", OPEN, *ENDPOINT)

    assert (ran.returncode, ran.stderr) == (1, "")
    assert "\x1b" not in ran.stdout


def test_a_stream_that_knows_no_unicode_gets_it_spelled() -> None:
    """Windows' pipes, for one: the verdict stands all the same, and so does the status."""
    policy = Path(OPEN).read_text().replace("Enable IAM policies", "\u05d0\u05d1")

    ran = started("check", "-", *ENDPOINT, stdin=policy, PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert (ran.returncode, ran.stderr) == (1, "")
    assert 'Statement[0] "\\u05d0\\u05d1"' in ran.stdout


def test_an_interrupted_command_gives_no_verdict() -> None:
    """A script must not take it for an open key."""
    code = (
        "import signal, sys, types; from kms_perimeter.cli.main import main;"
        "signal.signal(2, signal.default_int_handler);"  # whoever has started the tests may ignore interruptions
        "sys.stdin = types.SimpleNamespace(buffer=types.SimpleNamespace(read=lambda: signal.raise_signal(2)));"
        f"main(['check', '-', *{ENDPOINT!r}])"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "kms-perimeter: interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("arguments", [(), ("--format", "json")])
def test_output_that_cannot_be_written_is_refused_in_a_line(arguments: tuple[str, ...]) -> None:
    """A full disk is no mistake in the program, and its status is none of a verdict."""
    with Path("/dev/full").open("w") as full:
        ran = started("check", OPEN, *ENDPOINT, *arguments, stdout=full)

    assert (ran.returncode, ran.stderr) == (2, "kms-perimeter: the output: no space left on device\n")


def test_no_color_is_obeyed() -> None:
    """Whoever sets NO_COLOR gets no colours even where they are forced."""
    coloured = started("check", OPEN, *ENDPOINT, FORCE_COLOR="1", TERM="xterm")
    plain = started("check", OPEN, *ENDPOINT, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm")

    assert "\x1b[1;31m" in coloured.stdout
    assert "31m" not in plain.stdout


@pytest.mark.parametrize("arguments", [("--no-color", "check"), ("check", "--no-color")])
def test_colours_can_be_forbidden(arguments: tuple[str, ...]) -> None:
    """`--no-color` is taken before and after the command, and leaves nothing for the terminal to obey."""
    ran = started(*arguments, OPEN, *ENDPOINT, FORCE_COLOR="1", TERM="xterm")

    assert (ran.returncode, "\x1b" in ran.stdout) == (1, False)


@pytest.mark.parametrize(("shell", "said"), [("bash", "complete -o nosort"), ("zsh", "#compdef"), ("fish", "complete")])
def test_a_shell_learns_to_complete(shell: str, said: str) -> None:
    """The script is the shell's own, and asks this program."""
    ran = run("completion", shell)

    assert ran.status == 0
    assert said in ran.out
    assert "_KMS_PERIMETER_COMPLETE" in ran.out


@pytest.mark.parametrize(
    ("words", "offered"),
    [("kms-perimeter va", "plain,validate"), ("kms-perimeter scan --all-", "plain,--all-regions"),
     ("kms-perimeter check pol", "file,pol"), ("kms-perimeter init --mode en", "plain,enforce")],
)  # fmt: skip
def test_commands_options_files_and_values_are_completed(words: str, offered: str) -> None:
    """What a shell asks for is offered."""
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}

    ran = run(env={"_KMS_PERIMETER_COMPLETE": "bash_complete", **asked})

    assert offered in ran.out.splitlines()
