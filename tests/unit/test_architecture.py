"""The shape of the product: what may import what, who may read the environment, how long a function may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "layers/kms_perimeter/python"
PACKAGE = "kms_perimeter"
HANDLERS = sorted((ROOT / "functions").glob("*/*.py"))

# The flow of the data, from the left to the right: a room imports only rooms that stand before it.
ORDER = (
    "errors",
    "reading",
    "policy",
    "perimeter",
    "verdict",
    "pages",
    "comparison",
    "remedy",
    "cloudtrail",
    "mrkdwn",
    "block_kit",
    "letter",
    "wording",
    "decision",
    "fleet",
    "report",
    "slack_actions",
    "message",
    "finding",
    "settings",
    "fingerprint",
    "aws",
    "outlet",
    "governing",
    "evidence",
    "order",
    "sweep",
    "case",
    "planning",
    "recollection",
    "approval",
    "telling",
    "swept",
    "overwriting",
    "reminding",
    "approved",
    "guard",
    "remediation",
    "rollback",
    "slack",
    "slack_interaction",
    "slack_door",
    "slack_answers",
    "telemetry",
    "assembly",
    "report_clerk",
    "cli",
)
# What the evaluator and the search have in common: the parser, and the tables of what AWS documents.
PARSER = frozenset({"errors", "policy.document", "policy.jsontext", "policy.principal", "policy.record",
                    "policy.request", "policy.variables"})  # fmt: skip
TABLES = frozenset({"policy.context_keys", "policy.operations", "policy.operators"})
# The table of operators has a column for each of the two, so both columns come with it; each reads only its own.
COLUMNS = frozenset({"policy.comparisons", "policy.wildcard", "policy.shapes", "policy.readings"})
MOST_LINES = 45
# Starts each function as Lambda does, and says after each whether Slack's library has come by then.
STARTS = """import runpy, sys
for path in sys.argv[1:]:
    runpy.run_path(path)
    print("slack_sdk" in sys.modules)
"""


def name_of(path: Path) -> str:
    """The name of a module within the package."""
    parts = path.relative_to(SOURCE / PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted((SOURCE / PACKAGE).rglob("*.py"))}


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text())


def for_types_only(path: Path) -> set[ast.AST]:
    """Everything under `if TYPE_CHECKING:`, which no running program executes."""
    blocks = [
        n
        for n in ast.walk(tree(path))
        if isinstance(n, ast.If) and isinstance(n.test, ast.Name) and n.test.id == "TYPE_CHECKING"
    ]
    return {node for block in blocks for node in ast.walk(block)}


def imported(path: Path, *, running: bool = False) -> Iterator[str]:
    """What a module imports, by its full name; where `running`, without what is there for types only."""
    left_out = for_types_only(path) if running else set()
    for node in ast.walk(tree(path)):
        if node in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path, *, running: bool = False) -> set[str]:
    """The modules of the package that a module imports, by their names within it."""
    names = [name.removeprefix(f"{PACKAGE}.") for name in imported(path, running=running) if name.startswith(PACKAGE)]
    return {name if name in MODULES else name.rpartition(".")[0] for name in names}


def closure(*modules: str) -> set[str]:
    """The modules of the package that come with these when a program runs."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        for name in ours(MODULES[waiting.pop()], running=True) - found:
            found.add(name)
            waiting.append(name)
    return found


def room(name: str) -> str:
    """The module or package at the top of the flow that a module belongs to."""
    return name.partition(".")[0]


@pytest.mark.parametrize("name", [m for m in MODULES if room(m) == "policy"])
def test_the_engine_needs_the_standard_library_and_itself(name: str) -> None:
    """`policy/` imports nothing but the standard library, itself and the errors."""
    foreign = {
        i
        for i in imported(MODULES[name])
        if i.partition(".")[0] not in sys.stdlib_module_names
        and not i.startswith((f"{PACKAGE}.policy", f"{PACKAGE}.errors"))
    }

    assert foreign == set()


@pytest.mark.parametrize("path", [*MODULES.values(), *HANDLERS], ids=str)
def test_only_the_adapters_talk_to_aws(path: Path) -> None:
    """No module outside `aws/` and `cli/` imports boto3 or botocore."""
    sdk = {i for i in imported(path) if i.partition(".")[0] in ("boto3", "botocore")}

    assert not sdk or {"aws", "cli"}.intersection(path.parts)


def test_every_room_has_its_place_in_the_flow() -> None:
    """The order written down here names each module and package of the product, and no other."""
    assert {room(name) for name in MODULES if name} == set(ORDER)


@pytest.mark.parametrize("name", [m for m in MODULES if m])
def test_a_module_imports_only_what_stands_to_its_left(name: str) -> None:
    """The data goes one way, and so do the imports, those for types among them."""
    place = ORDER.index(room(name))

    later = {other for other in ours(MODULES[name]) if other and ORDER.index(room(other)) > place}

    assert later == set()


@pytest.mark.parametrize("path", HANDLERS, ids=str)
def test_a_handler_knows_no_command_line(path: Path) -> None:
    """What Lambda runs never comes to need what only a person at a terminal needs."""
    asked = {name for name in ours(path, running=True) if name}

    assert not {name for name in closure(*asked) | asked if room(name) == "cli"}


def test_slacks_library_comes_only_with_the_door_for_slack_and_with_the_first_block() -> None:
    """It takes its time to be imported, so no function has it in its way that has nothing to do with Slack."""
    others = [str(path) for path in HANDLERS if path.parent.name != "on_slack"]
    (door,) = {str(path) for path in HANDLERS} - set(others)

    come = subprocess.run([sys.executable, "-c", STARTS, *others, door], capture_output=True, text=True, check=True)

    assert come.stdout.split() == [*["False" for _ in others], "True"]


def test_the_template_engine_comes_only_with_the_report() -> None:
    """Likewise, and the library for the chart."""
    asking = {name for name, path in MODULES.items() if any(i.startswith("jinja2") for i in imported(path))}
    reporting = {path.parent.name for path in HANDLERS if "report.page" in closure(*(n for n in ours(path) if n))}

    assert asking == {"report.page"}
    assert reporting == {"on_report"}


def test_the_evaluator_and_the_search_share_only_the_parser() -> None:
    """Nothing but the parser and the tables of what AWS documents comes with both."""
    both = closure("policy.evaluator") & closure("policy.escape")

    assert both == PARSER | TABLES | COLUMNS


def test_the_evaluator_reads_only_its_own_column() -> None:
    """No way leads from the evaluator to the search or to its shapes but through the table of operators."""
    searching = closure("policy.escape") - PARSER - TABLES - COLUMNS | {"policy.escape"}

    assert not ours(MODULES["policy.evaluator"], running=True) & {"policy.shapes", *searching}


def test_the_search_reads_only_its_own_column() -> None:
    """No module of the search asks the matchers that the evaluator trusts."""
    searching = closure("policy.escape") - PARSER - TABLES - COLUMNS | {"policy.escape", "policy.shapes"}

    asking = {name for name in searching if ours(MODULES[name]) & {"policy.comparisons", "policy.wildcard"}}

    assert asking == set()


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a module, inner ones and methods among them."""
    return [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", [*MODULES.values(), *HANDLERS], ids=str)
def test_functions_are_short_and_say_what_they_return(path: Path) -> None:
    """A function has at most so many lines, and a return type."""
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(path)}

    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}
    assert [f.name for f in functions(path) if f.returns is None] == []


@pytest.mark.parametrize("path", [*MODULES.values(), *HANDLERS], ids=str)
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    """Only the assembly hands the environment over, and only to the settings."""
    reading = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Attribute) and n.attr in ("environ", "getenv")]
    named = [name for name in imported(path) if name in ("os.environ", "os.getenv")]

    assert not (reading or named) or path.name in ("settings.py", "assembly.py")
