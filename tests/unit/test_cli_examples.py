"""Every example in the commands' help, and so in docs/command-line.md, does what it promises."""

import glob
import inspect
import json
import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from kms_perimeter.cli import manual
from kms_perimeter.cli.main import COMMANDS, main
from tests.unit.account import OPEN, closed
from tests.unit.command import CASES, ROOT
from tests.unit.terminal import REGION, Terminal

HERE = Path(__file__).parent
REGIONS = (REGION, "eu-west-1", "eu-central-1")
# What other programs of the examples would print.
PRINTED = {"aws kms get-key-policy": OPEN, "aws ssm get-parameter": (ROOT / "docs/examples/perimeter.json").read_text()}
# These need a deployment with a past, which their own tests make; here their examples must be understood.
WITH_A_PAST = ("approve", "exempt", "history", "redrive", "resume", "rollback")


def examples_of(name: str) -> list[str]:
    """The examples in the help of a command, each on one line."""
    command = main if name == "" else main.get_command(click.Context(main), name)
    assert command is not None
    block = inspect.cleandoc(command.epilog or "").replace("\b\n", "").split("Exit status")[0]
    lines = block.replace("|\n", "| ").splitlines()
    return [line.strip() for line in lines if "kms-perimeter " in line]


EXAMPLES = [example for name in ("", *COMMANDS) for example in examples_of(name)]


@pytest.fixture
def furnished(terminal: Terminal) -> Terminal:
    """An account and a folder with everything that the examples name."""
    for name in ("template.yaml", "plan.json"):
        shutil.copy(HERE / "infrastructure" / name, name)
    for name in ("request.json", "perimeter.json"):
        shutil.copy(ROOT / "docs/examples" / name, name)
    shutil.copytree(ROOT / "events", "events")
    shutil.copy("events/somebody_opens_a_key_from_the_internet.json", "event.json")
    shutil.copy(CASES / "several.perimeter.yaml", "perimeter.yaml")
    Path("policies").mkdir()
    for path in ("policy.json", "policies/a.json", "policies/b.json"):
        Path(path).write_text(OPEN)
    secret = "aws_access_key_id = testing\naws_secret_access_key = testing\n"
    Path("profiles").write_text(f"[profile production]\nregion = us-east-1\n{secret}")
    terminal.environment |= {"AWS_CONFIG_FILE": "profiles", "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    return terminal


def furnish(terminal: Terminal, example: str) -> None:
    """Puts into AWS what an example names, in the Regions that it names."""
    terminal.key(closed())
    text = (ROOT / "docs/examples/perimeter.json").read_text()
    terminal.client("ssm").put_parameter(Name="/kms-perimeter/perimeter", Type="String", Value=text)
    template = (HERE / "deployment" / "stack.yaml").read_text()
    for region in [region for region in REGIONS if region in example] or [REGION]:
        endpoint = terminal.endpoint(terminal.vpc(region=region), region=region)
        if "--stack" in example:
            given = [{"ParameterKey": "ApprovedVpcEndpoints", "ParameterValue": endpoint}]
            cloudformation = terminal.client("cloudformation", region)
            cloudformation.create_stack(StackName="kms-perimeter", TemplateBody=template, Parameters=given)


def run_line(terminal: Terminal, line: str) -> int:
    """Runs a line of shell as far as it is about this program: `&&`, `|` and `>` do what they do; returns the worst."""
    worst, printed = 0, ""
    for command in line.replace(" && ", " | ").split(" | "):
        call, _, out = command.partition(" > ")
        if not call.startswith("kms-perimeter"):
            printed = next((text for start, text in PRINTED.items() if call.startswith(start)), "")
            continue
        words = [word for given in shlex.split(call)[1:] for word in sorted(glob.glob(given)) or [given]]  # noqa: PTH207
        ran = terminal.run(*words, stdin=printed)
        printed, worst = ran.out, max(worst, ran.status)
        assert "Usage: " not in ran.err, ran.err
        if out and not out.startswith("~"):
            Path(out).write_text(ran.out)
    return worst


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_runs(furnished: Terminal, example: str) -> None:
    """Each example is understood, finds what it names, and comes to an answer."""
    if any(word in example for word in (" init", " scan", " doctor", " redrive")):
        furnish(furnished, example)
    if " init" in example and "--out" not in example and "--force" not in example:
        Path("perimeter.yaml").unlink()

    status = run_line(furnished, example)

    assert status != 2 or any(f"kms-perimeter {name}" in example for name in WITH_A_PAST)


def test_every_command_has_an_example() -> None:
    """And what they write is what they say."""
    assert all(examples_of(name) for name in COMMANDS)
    assert json.loads(PRINTED["aws ssm get-parameter"])["version"] == 1


def test_the_page_says_what_the_help_says() -> None:
    """docs/command-line.md is what `make docs` writes."""
    written = (ROOT / "docs/command-line.md").read_text()

    assert written == manual.page(), "run `make docs`"


def test_every_command_that_reaches_aws_says_what_it_needs() -> None:
    """As the manual promises; those that take a profile reach AWS."""
    context = click.Context(main)
    commands = [command for name in COMMANDS if (command := main.get_command(context, name))]
    reaching = [command for command in commands if any(one.name == "profile_name" for one in command.params)]

    assert {command.name for command in reaching} >= {"scan", "redrive"}
    assert [command.name for command in reaching if "Needs: " not in (command.epilog or "")] == []


def test_the_manual_names_the_commands_that_change_something() -> None:
    """They are those that need a permission to write."""
    writing = re.compile(r"\b\w+:(Put|Update|Delete|Send|Invoke)\w+")
    context = click.Context(main)
    epilogs = {name: getattr(main.get_command(context, name), "epilog", "") for name in COMMANDS}

    sentence = re.search(r"nothing but ([^.]*) changes\s+anything", manual.page())

    assert sentence
    assert set(re.findall(r"`(\w+)`", sentence[1])) == {name for name, told in epilogs.items() if writing.search(told)}
