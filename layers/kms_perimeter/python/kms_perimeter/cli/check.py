"""`check`: prove that key policies keep their key inside a perimeter, or show how not."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.cli import inputs
from kms_perimeter.cli.checked import Checked
from kms_perimeter.policy import document
from kms_perimeter.policy.jsontext import Place
from kms_perimeter.verdict import Outcome, Verdict, judge

if TYPE_CHECKING:
    from kms_perimeter.cli.inputs import KeyOptions, PolicyFile
    from kms_perimeter.perimeter import Perimeter

EXIT_STATUS = {Outcome.ENCLOSED: 0, Outcome.ESCAPES: 1, Outcome.MALFORMED: 2, Outcome.UNDECIDED: 3}
# What no key policy holds and each template or plan holds one of: cheap to look for, so that plain policies stay quick.
INFRASTRUCTURE = (b"Resources", b"format_version")

EPILOG = """\
\b
Examples:
  kms-perimeter check policy.json --perimeter perimeter.json
  kms-perimeter check template.yaml --perimeter perimeter.yaml --account 111122223333 --region eu-west-1
  terraform show -json tfplan > plan.json && kms-perimeter check plan.json --perimeter perimeter.json
  kms-perimeter check policies/*.json --perimeter perimeter.yaml --format sarif > policies.sarif
  aws kms get-key-policy --key-id KEY --query Policy --output text |
    kms-perimeter check - --perimeter perimeter.json --key-usage SIGN_VERIFY

Exit status: 0 enclosed, 1 escapes, 2 bad usage or malformed input, 3 undecided; of several, the highest.
"""


@click.command(epilog=EPILOG)
@click.argument("policies", metavar="POLICY.json...", nargs=-1, required=True, shell_complete=inputs.complete_file)
@inputs.perimeter_option(required=True)
@inputs.key_options
@inputs.format_option("text", "json", "sarif")
def check(policies: tuple[str, ...], perimeter_name: str, key: KeyOptions, output: str) -> None:
    """Prove that a key policy lets no request through from outside a perimeter, or show the requests that escape.

    POLICY.json is a key policy as KMS stores it; `-` is standard input. Of several policies, --format json prints an
    array in their order, each with its "file".

    It may also be infrastructure code: a CloudFormation or SAM template, in YAML or JSON, or a Terraform plan as
    `terraform show -json` prints it. Each key policy in it is judged by the key's own usage, and --format json prints
    an array, each with its "file", "resource" and "line". What is known only at deployment is taken for anything that
    it could be.

    A policy does not tell its key's tags and aliases, so the perimeter is the only one of the file, or else the first
    that is for every key, or else the first.
    """
    perimeter, why = inputs.choose(inputs.read_perimeters(perimeter_name))
    files = [(name, _check_file(name, key, perimeter)) for name in policies]
    checked = [one for _, found in files for one in found]
    empty = [name for name, found in files if not found]
    if output == "json":
        click.echo(json.dumps(_as_json(checked, policies), indent=2))
    elif output == "sarif":
        from kms_perimeter.cli import sarif  # noqa: PLC0415 - only for who asks

        click.echo(json.dumps(sarif.log(checked), indent=2))
    elif checked:
        from kms_perimeter.cli import text  # noqa: PLC0415 - rich takes its time

        text.print_checked(checked, why)
    for name in empty:
        click.echo(f"{name}: no key policy in it", err=output != "text")
    sys.exit(max((EXIT_STATUS[one.verdict.outcome] for one in checked), default=0))


def _check_file(name: str, key: KeyOptions, perimeter: Perimeter) -> list[Checked]:
    content = inputs.read_bytes(name)
    if any(word in content for word in INFRASTRUCTURE) or name.endswith((".yaml", ".yml")):
        from kms_perimeter.cli.infrastructure import reading  # noqa: PLC0415 - only for infrastructure code

        found = reading.check(name, content, key, perimeter)
        if found is not None:
            return found
    return [_check_policy(inputs.policy_of(name, content), key, perimeter)]


def _check_policy(policy: PolicyFile, key: KeyOptions, perimeter: Perimeter) -> Checked:
    verdict = judged(policy, key, perimeter)
    if policy.fault:
        fault = policy.fault
        return Checked(policy.name, verdict, place=Place(fault.line, fault.column or 1) if fault.line else None)
    return Checked(policy.name, verdict, place=Place(1, 1), statements=tuple(document.positions(policy.text)))


def judged(policy: PolicyFile, key: KeyOptions, perimeter: Perimeter) -> Verdict:
    """The verdict on a policy, malformed or not."""
    if policy.fault:
        return Verdict(Outcome.MALFORMED, perimeter.name, key.usage, reason=str(policy.fault))
    return judge(policy.text, key.key_of(policy), perimeter)


def _as_json(checked: list[Checked], policies: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    if len(policies) == len(checked) == 1 and checked[0].resource is None:
        return checked[0].verdict.to_json()
    return [one.to_json() for one in checked]
