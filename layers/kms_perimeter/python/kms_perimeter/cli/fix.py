"""`fix`: make a key policy that keeps its key inside a perimeter."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter import remedy
from kms_perimeter.cli import inputs
from kms_perimeter.cli.check import judged
from kms_perimeter.perimeter import Strategy

if TYPE_CHECKING:
    from kms_perimeter.cli.inputs import KeyOptions, PolicyFile

EPILOG = """\
\b
Examples:
  kms-perimeter fix policy.json --perimeter perimeter.json
  kms-perimeter fix policy.json --perimeter perimeter.json --strategy template --out fixed.json

Exit status: 0 fixed or nothing to do, 1 the fix is refused, 2 bad usage or malformed input.
"""


@click.command(epilog=EPILOG)
@inputs.policy_argument
@inputs.perimeter_option(required=True)
@click.option(
    "--strategy",
    type=click.Choice([Strategy.GUARD.value, Strategy.TEMPLATE.value]),
    help="How to make the new policy.  [default: what the perimeter says]",
)
@inputs.key_options
@inputs.format_option("text", "json")
@click.option("--out", metavar="FILE", help="Write the new policy here; nothing is written where the fix is refused.")
def fix(policy: str, perimeter_name: str, strategy: str | None, key: KeyOptions, output: str, out: str | None) -> None:
    """Make a key policy that is proved to keep its key inside a perimeter, and show the change.

    The strategy `guard` keeps every statement and puts one Deny per rule in; `template` writes the approved policy, or
    the template that the perimeter names. A policy that is enclosed already stays as it is. Each proof is shown, and
    whatever cannot be proved is refused; what `template` takes away from people inside the perimeter is listed.
    POLICY.json may be `-`. The perimeter is chosen as `check` does.
    """
    perimeter, why = inputs.choose(inputs.read_perimeters(perimeter_name))
    given = inputs.read_policy(policy)
    if strategy:
        perimeter = replace(perimeter, strategy=Strategy(strategy))
    if given.fault:
        if output == "json":
            verdict = judged(given, key, perimeter).to_json()
            click.echo(_dumped({"policy": None, "verdict": verdict} | _refusal(given)))
        raise inputs.InputError(f"{policy}: {given.fault}")
    plan = remedy.plan(given.text, key.key_of(given), perimeter)
    if out and plan.refused is None:
        _write(out, plan.policy)
    if output == "json":
        click.echo(_dumped(plan.to_json()))
    else:
        from kms_perimeter.cli import text  # noqa: PLC0415 - rich takes its time

        text.print_plan(plan, given.name, why, out)
    sys.exit(0 if plan.refused is None else 1)


def _refusal(given: PolicyFile) -> dict[str, Any]:
    return {"changed": False, "diff": "", "refused": f"the policy is malformed: {given.fault}"}


def _dumped(printed: dict[str, Any]) -> str:
    return json.dumps(printed, indent=2)


def _write(name: str, policy: str) -> None:
    try:
        Path(name).write_text(policy if policy.endswith("\n") else f"{policy}\n", encoding="utf-8")
    except OSError as error:
        raise inputs.InputError(f"{name}: {(error.strerror or str(error)).lower()}") from None
