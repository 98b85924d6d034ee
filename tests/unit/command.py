"""Running the command line in this process, as a shell would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from kms_perimeter.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "cli"
OPEN = str(CASES / "open.json")
RESTRICTED = str(CASES / "restricted_to_an_endpoint.json")
RESTRICTED_TO_VPCS = str(CASES / "restricted_to_vpcs.json")
TRAILING_COMMA = str(CASES / "trailing_comma.json")
ENDPOINT = ("--perimeter", str(CASES / "endpoint.perimeter.json"))
VPCS = ("--perimeter", str(CASES / "vpcs.perimeter.yaml"))
SEVERAL = ("--perimeter", str(CASES / "several.perimeter.yaml"))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """What it printed, as JSON."""
        return json.loads(self.out)


def run(*arguments: str, stdin: str | bytes = "", env: Mapping[str, str | None] | None = None) -> Ran:
    """Run `kms-perimeter` with these arguments, and with these environment variables; None takes one away."""
    result = CliRunner().invoke(main, list(arguments), input=stdin, prog_name="kms-perimeter", env=env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)
