"""`validate`: whether perimeter files are good, and where not."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.cli import inputs
from kms_perimeter.errors import MalformedPerimeter

if TYPE_CHECKING:
    from kms_perimeter.perimeter import Perimeter, PerimeterFile

EPILOG = """\
\b
Examples:
  kms-perimeter validate perimeter.yaml
  kms-perimeter validate perimeter.json perimeter.yaml --format json
  kms-perimeter validate --schema > perimeter.schema.json
  aws ssm get-parameter --name /kms-perimeter/perimeter --query Parameter.Value --output text |
    kms-perimeter validate -

Exit status: 0 all are good, 2 bad usage or one of them is not.
"""


@dataclass(frozen=True, slots=True)
class Validated:
    """What is said of one file.

    Attributes:
        name: the path, or ``-``.
        file: what it says; None where it is malformed.
        fault: what is wrong with it, and where; None where nothing is.
    """

    name: str
    file: PerimeterFile | None = None
    fault: MalformedPerimeter | None = None

    def warnings(self, today: date) -> tuple[str, ...]:
        """What is allowed and yet probably not meant."""
        if self.file is None:
            return ()
        expired = (e for e in self.file.exceptions if e.expires < today)
        gone = (
            f"the exception for {e.key} expired on {e.expires}, so the key is judged like any other" for e in expired
        )
        return (*gone, *_placeholders(self.file))

    def to_json(self, today: date) -> dict[str, Any]:
        """What ``--format json`` prints."""
        fault = self.fault
        place = {"path": fault.path, "line": fault.line, "column": fault.column} if fault else {}
        return {
            "file": self.name,
            "valid": fault is None,
            "error": {"message": fault.message, **place} if fault else None,
            "warnings": list(self.warnings(today)),
            "perimeters": [perimeter.name for perimeter in self.file.perimeters] if self.file else [],
            "exceptions": len(self.file.exceptions) if self.file else 0,
        }


@click.command(epilog=EPILOG)
@click.argument("files", metavar="PERIMETER...", nargs=-1, shell_complete=inputs.complete_file)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of perimeter files instead, for editors.")
@inputs.format_option("text", "json")
def validate(files: tuple[str, ...], output: str, *, schema: bool) -> None:
    """Tell whether perimeter files are good, in JSON or YAML, as the service itself reads them.

    The first mistake of each file is told with its path, line and column, and for a near miss with what was probably
    meant. `-` is standard input. Of several files, --format json prints an array.
    """
    if schema:
        text = resources.files("kms_perimeter").joinpath("perimeter.schema.json").read_text(encoding="utf-8")
        click.echo(text, nl=False)
        return
    if not files:
        raise click.UsageError("give a perimeter file, or --schema")
    validated = [_validate(name) for name in files]
    today = datetime.now(UTC).date()
    if output == "json":
        printed = [one.to_json(today) for one in validated]
        click.echo(json.dumps(printed[0] if len(printed) == 1 else printed, indent=2))
    else:
        _print(validated, today)
    sys.exit(2 if any(one.fault for one in validated) else 0)


def _validate(name: str) -> Validated:
    try:
        return Validated(name, inputs.load_perimeters(name))
    except MalformedPerimeter as fault:
        return Validated(name, fault=fault)


def _print(validated: list[Validated], today: date) -> None:
    from kms_perimeter.cli.text import Paper  # noqa: PLC0415 - rich takes its time

    paper = Paper()
    for one in validated:
        if one.fault:
            click.echo(f"kms-perimeter: {one.name}: {one.fault}", err=True)
        if one.file:
            paper.line((one.name, "bold"), ": ", ("valid", "bold green"))
            for perimeter in one.file.perimeters:
                paper.line(_summary(perimeter), indent=1)
            if count := len(one.file.exceptions):
                paper.line(f"{count} exception{'s' if count > 1 else ''}", indent=1)
        for warning in one.warnings(today):
            paper.line(("warning", "bold yellow"), f": {warning}", indent=1)


def _summary(perimeter: Perimeter) -> str:
    keys = "every key" if perimeter.applies_to is None else "the keys that it names"
    rules = ", ".join(f"`{rule.name}` ({', '.join(rule.operations)})" for rule in perimeter.rules)
    return f"{perimeter.name}: {keys}, mode {perimeter.mode.value}, rules {rules}"


def _placeholders(file: PerimeterFile) -> tuple[str, ...]:
    """Networks that are examples of AWS's documentation: a file that was copied and not filled in."""
    from kms_perimeter.policy.advisories import DOCUMENTED_IDS  # noqa: PLC0415 - brings the search along

    named = (
        (perimeter, rule, network)
        for perimeter in file.perimeters
        for rule in perimeter.rules
        for network in (*rule.vpc_endpoints, *rule.vpcs)
    )
    return tuple(
        f"`{network}`, in rule `{rule.name}` of perimeter `{perimeter.name}`, is an ID from documentation"
        for perimeter, rule, network in named
        if network in DOCUMENTED_IDS
    )
