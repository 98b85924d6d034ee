"""`doctor`: whether the service can do its work in an account."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from kms_perimeter.cli import credentials, inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.cli.examination.sign import Sign

RATE = 100  # as for `scan`

EPILOG = """\
\b
Examples:
  kms-perimeter doctor --perimeter perimeter.yaml
  kms-perimeter doctor --stack kms-perimeter
  kms-perimeter doctor --stack kms-perimeter --profile production --region eu-west-1 --format json

\b
Needs: cloudtrail:DescribeTrails, cloudtrail:GetTrailStatus, cloudtrail:GetEventSelectors, kms:ListKeys,
  kms:ListAliases, kms:DescribeKey, kms:GetKeyPolicy; ec2:DescribeVpcEndpoints and ec2:DescribeVpcs for the networks;
  cloudformation:DescribeStacks, cloudformation:ListStackResources, events:DescribeRule, events:ListTargetsByRule,
  sqs:GetQueueAttributes, cloudwatch:GetMetricStatistics and ssm:GetParameter for --stack. What may not be looked at is
  yellow.

Exit status: 0 all green, 1 something is yellow, 2 bad usage or AWS refuses, 3 something is red.
"""


@click.command(epilog=EPILOG)
@click.option("--stack", metavar="NAME", help="Examine this deployment too, and take the perimeters from it.")
@inputs.perimeter_option(required=False)
@credentials.profile_option
@credentials.region_option
@inputs.format_option("text", "json")
def doctor(
    *, stack: str | None, perimeter_name: str | None, profile_name: str | None, region: str | None, output: str
) -> None:
    """Tell whether the service can do its work in an account and Region: green, yellow or red, and what to do.

    Before a deployment: does a trail log what the service watches for, do the approved networks exist and serve KMS,
    can the keys be read. With --stack also: is the rule enabled, can the roles of the service read each key and change
    its policy, is anything given up, do sweeps run, does the mode do what the perimeters ask for. Nothing is changed.
    """
    from kms_perimeter.cli.examination.examine import Patient  # noqa: PLC0415 - boto3 takes its time
    from kms_perimeter.cli.examination.sign import Light  # noqa: PLC0415 - likewise

    given = inputs.read_perimeters(perimeter_name) if perimeter_name else None
    profile = credentials.profile_named(profile_name)
    patient = Patient(profile, credentials.region_of(profile, region), stack, given, RATE)
    signs: list[Sign] = []
    if output == "json":
        signs.extend(patient.signs())
        light = max((sign.light for sign in signs), default=Light.GREEN)
        told = {"region": patient.region, "stack": stack, "light": light.word}
        click.echo(json.dumps(told | {"signs": [sign.to_json() for sign in signs]}, indent=2))
    else:
        signs.extend(_printed(patient.signs()))
    sys.exit(int(max((sign.light for sign in signs), default=Light.GREEN)))


def _printed(signs: Iterator[Sign]) -> Iterator[Sign]:
    """The signs, each printed as it is found."""
    from kms_perimeter.cli.text import Paper  # noqa: PLC0415 - rich takes its time

    paper, counts = Paper(), Counter[str]()
    for sign in signs:
        word = sign.light.word
        counts[word] += 1
        paper.line((f"{word:<7}", f"bold {word}"), (sign.about, "bold"), f": {sign.told}")
        if sign.todo:
            paper.line(f"       do: {sign.todo}")
        yield sign
    paper.line(("in all: ", "bold"), ", ".join(f"{counts[word]} {word}" for word in ("red", "yellow", "green")))
