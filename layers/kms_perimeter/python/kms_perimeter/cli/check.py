"""`check`: prove that key policies keep their key inside a perimeter, or show how not."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.cli import inputs
from kms_perimeter.verdict import Outcome, Verdict, judge

if TYPE_CHECKING:
    from kms_perimeter.cli.inputs import KeyOptions, PolicyFile
    from kms_perimeter.perimeter import Perimeter

EXIT_STATUS = {Outcome.ENCLOSED: 0, Outcome.ESCAPES: 1, Outcome.MALFORMED: 2, Outcome.UNDECIDED: 3}


@dataclass(frozen=True, slots=True)
class Checked:
    """A policy and what is said of it."""

    policy: PolicyFile
    verdict: Verdict


EPILOG = """\
\b
Examples:
  kms-perimeter check policy.json --perimeter perimeter.json
  kms-perimeter check policies/*.json --perimeter perimeter.yaml --format sarif > policies.sarif
  kms-perimeter check template.yaml --perimeter perimeter.json --account 111122223333 --region us-east-1
  aws kms get-key-policy --key-id KEY --query Policy --output text |
    kms-perimeter check - --perimeter perimeter.json --key-usage SIGN_VERIFY

Exit status: 0 enclosed, 1 escapes, 2 bad usage or malformed input, 3 undecided; of several, the highest.
"""


@click.command(epilog=EPILOG)
@click.argument("policies", metavar="POLICY.json...", nargs=-1, required=True)
@inputs.perimeter_option(required=True)
@inputs.key_options
@inputs.format_option("text", "json", "sarif")
def check(policies: tuple[str, ...], perimeter_name: str, key: KeyOptions, output: str) -> None:
    """Prove that a key policy lets no request through from outside a perimeter, or show the requests that escape.

    POLICY.json is a key policy as KMS stores it, a CloudFormation or SAM template, or a Terraform plan in JSON
    (`terraform show -json`), in which the key policies are found; `-` is standard input. Of several policies,
    --format json prints an array in their order, each with its "file".

    A policy does not tell its key's tags and aliases, so the perimeter is the only one of the file, or else the first
    that is for every key, or else the first.
    """
    perimeter, why = inputs.choose(inputs.read_perimeters(perimeter_name))
    found = [policy for name in policies for policy in inputs.read_policies(name, key.account, key.region)]
    checked = [Checked(policy, judged(policy, key, perimeter)) for policy in found]
    if output == "json":
        click.echo(json.dumps(_as_json(checked), indent=2))
    elif output == "sarif":
        from kms_perimeter.cli import sarif  # noqa: PLC0415 - only for who asks

        click.echo(json.dumps(sarif.log(checked), indent=2))
    else:
        from kms_perimeter.cli import text  # noqa: PLC0415 - rich takes its time

        text.print_checked(checked, why)
    sys.exit(max((EXIT_STATUS[one.verdict.outcome] for one in checked), default=0))


def judged(policy: PolicyFile, key: KeyOptions, perimeter: Perimeter) -> Verdict:
    """The verdict on a policy, malformed or not."""
    if policy.fault:
        return Verdict(Outcome.MALFORMED, perimeter.name, key.usage_of(policy), reason=str(policy.fault))
    if policy.found and policy.found.unknown:
        return Verdict(Outcome.UNDECIDED, perimeter.name, key.usage_of(policy), reason=policy.found.unknown)
    return judge(policy.text, key.key_of(policy), perimeter)


def _as_json(checked: list[Checked]) -> Any:  # noqa: ANN401 - JSON
    """One verdict for one policy; an array for several, and for what was found in infrastructure code."""
    if len(checked) == 1 and checked[0].policy.found is None:
        return checked[0].verdict.to_json()
    return [_named(one.policy) | one.verdict.to_json() for one in checked]


def _named(policy: PolicyFile) -> dict[str, Any]:
    if policy.found is None:
        return {"file": policy.name}
    place = policy.place(None)
    return {"file": policy.name, "resource": policy.found.resource, "line": place.line if place else None}
