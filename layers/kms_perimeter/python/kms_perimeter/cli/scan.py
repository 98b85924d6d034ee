"""`scan`: judge every key of an account, and change none."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from kms_perimeter import perimeter
from kms_perimeter.cli import credentials, docs, inputs
from kms_perimeter.fleet import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.aws.profile import Profile
    from kms_perimeter.cli.measure import Measure
    from kms_perimeter.fleet import Fleet

FORMATS = ("text", "json", "csv", "sarif", "html")
# A tenth of the smallest quota that a scan lives on (GetKeyPolicy, 1,000 a second and Region, *Request quotas* in the
# AWS KMS Developer Guide): applications share it.
RATE = 100
WORKERS = 16

EPILOG = """\
\b
Examples:
  kms-perimeter scan --perimeter perimeter.yaml
  kms-perimeter scan --perimeter perimeter.yaml --plan
  kms-perimeter scan --vpc-endpoint vpce-0a1b2c3d4e5f60718 --region eu-west-1 --region eu-central-1
  kms-perimeter scan --stack kms-perimeter --profile production --format json --out fleet.json
  kms-perimeter scan --parameter /kms-perimeter/perimeter --all-regions --format csv > fleet.csv
  kms-perimeter scan --perimeter perimeter.yaml --plan --format html --out report.html

\b
Needs: kms:ListKeys, kms:ListAliases, kms:DescribeKey, kms:GetKeyPolicy; kms:ListResourceTags where a perimeter
  goes by tags; kms:ListGrants for --plan; ssm:GetParameter for --parameter; cloudformation:DescribeStacks,
  ssm:GetParameter, dynamodb:GetItem and dynamodb:Query for --stack; ec2:DescribeRegions for --all-regions.

Exit status: 0 all enclosed, 1 some key is open, 2 bad usage or AWS refuses, 3 some key is undecided or could not be
read, or a Region could not be scanned; of several, the highest. Excepted keys and keys under no perimeter count as 0.
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the perimeters come from; one of these is given.

    Attributes:
        file: a perimeter file.
        parameter: a parameter of Parameter Store.
        stack: a deployment of the service, looked for in each Region.
        vpc_endpoints: approved for every use of every key.
        vpcs: likewise.
    """

    file: str | None
    parameter: str | None
    stack: str | None
    vpc_endpoints: tuple[str, ...]
    vpcs: tuple[str, ...]

    def measure(self, profile: Profile, home: str) -> Callable[[str], Measure]:
        """What the keys of a Region are judged by.

        Args:
            profile: whose keys.
            home: the Region that the parameter is in.

        Raises:
            InputError: the file cannot be read.
            MalformedPerimeter: it says something impossible.
        """
        from kms_perimeter.cli import measure  # noqa: PLC0415 - boto3 takes its time

        if stack := self.stack:
            return lambda region: measure.of_stack(profile, region, stack)
        if self.file:
            given = inputs.read_perimeters(self.file)
        elif self.parameter:
            given = measure.in_parameter(profile, home, self.parameter)
        else:
            given = perimeter.simple(self.vpc_endpoints, self.vpcs)
        return lambda _: measure.Measure(given)


@click.command(epilog=EPILOG)
@inputs.perimeter_option(required=False)
@click.option("--parameter", metavar="NAME", help="Take the perimeter file from this parameter of Parameter Store.")
@click.option("--stack", metavar="NAME", help="Take perimeters, mode and ledger from this deployment of the service.")
@click.option("--vpc-endpoint", "vpc_endpoints", metavar="ID", multiple=True, help="Approve this endpoint for all use.")
@click.option("--vpc", "vpcs", metavar="ID", multiple=True, help="Approve this VPC for all use.")
@credentials.profile_option
@credentials.regions_options
@click.option("--plan", is_flag=True, help="Show what `enforce` would do to each open key, or why it would not.")
@click.option("--all", "every", is_flag=True, help="List the enclosed keys too.")
@click.option(
    "--rate", type=click.FloatRange(1, 1000), default=RATE, show_default=True, help="Calls of KMS a second and Region."
)
@inputs.format_option(*FORMATS)
@click.option("--out", metavar="FILE", help="Write it here instead of to standard output.")
def scan(  # noqa: PLR0913 - one parameter for each option
    *,
    perimeter_name: str | None,
    parameter: str | None,
    stack: str | None,
    vpc_endpoints: tuple[str, ...],
    vpcs: tuple[str, ...],
    profile_name: str | None,
    regions: tuple[str, ...],
    all_regions: bool,
    plan: bool,
    every: bool,
    rate: float,
    output: str,
    out: str | None,
) -> None:
    """Judge every key of an account by its live policy, as the service would, and change none.

    The perimeters come from a file, from Parameter Store, from a deployment of the service, or from the networks that
    the options approve. Keys that AWS manages and keys pending deletion are skipped and counted. The calls of KMS are
    spread evenly, and slowed down where KMS throttles: applications share its quotas.
    """
    from kms_perimeter.cli import progress  # noqa: PLC0415 - rich and boto3 take their time
    from kms_perimeter.cli.scanning.run import Scan  # noqa: PLC0415 - likewise

    source = _source(Source(perimeter_name, parameter, stack, vpc_endpoints, vpcs))
    profile = credentials.profile_named(profile_name)
    chosen = credentials.regions_of(profile, regions, all_regions=all_regions)
    measure = source.measure(profile, regions[0] if regions else profile.region or chosen[0])
    with progress.bar() as bar:
        fleet = Scan(profile, chosen, measure, plan, rate, WORKERS).run(bar)
    _print(fleet, output, out, every=every)
    if output != "text" or out:
        for one in fleet.unscanned:
            click.echo(f"kms-perimeter: {one.account} {one.region} was not scanned: {one.reason}", err=True)
    sys.exit(status(fleet))


def status(fleet: Fleet) -> int:
    """The exit status that a fleet makes."""
    counts = fleet.counts()
    unsure = counts[Standing.UNDECIDED] + counts[Standing.UNREADABLE] + counts[Standing.MALFORMED]
    if unsure or fleet.unscanned:
        return 3
    return 1 if counts[Standing.OPEN] else 0


def _source(source: Source) -> Source:
    given = (source.file, source.parameter, source.stack, source.vpc_endpoints or source.vpcs)
    if sum(map(bool, given)) != 1:
        raise click.UsageError(
            "give one of --perimeter, --parameter, --stack, or --vpc-endpoint and --vpc; "
            "`kms-perimeter init` writes a first perimeter file"
        )
    return source


def _print(fleet: Fleet, output: str, out: str | None, *, every: bool) -> None:
    if output == "text" and not out:
        from kms_perimeter.cli.scanning import tell  # noqa: PLC0415 - rich takes its time

        tell.print_fleet(fleet, every=every)
    elif out:
        inputs.write_text(out, _rendered(fleet, output, every=every))
        click.echo(f"written to {out}", err=True)
    else:
        click.echo(_rendered(fleet, output, every=every), nl=False)


def _rendered(fleet: Fleet, output: str, *, every: bool) -> str:
    match output:
        case "json":
            return json.dumps(fleet.to_json(), indent=2) + "\n"
        case "csv":
            from kms_perimeter.cli.scanning import table  # noqa: PLC0415 - only for who asks

            return table.table(fleet)
        case "sarif":
            from kms_perimeter.cli.scanning import code_scanning  # noqa: PLC0415 - likewise

            return json.dumps(code_scanning.log(fleet), indent=2) + "\n"
        case "html":
            from kms_perimeter import report  # noqa: PLC0415 - likewise

            return report.render(fleet, docs.address())
        case _:
            from kms_perimeter.cli.scanning import tell  # noqa: PLC0415 - likewise

            return tell.rendered(fleet, every=every)
