"""`init`: write a first perimeter file from the networks that the account has."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kms_perimeter.cli import credentials, inputs
from kms_perimeter.perimeter import Mode

if TYPE_CHECKING:
    from kms_perimeter.aws.profile import Profile
    from kms_perimeter.cli.first_file import Found

DEFAULT_NAME = "perimeter.yaml"

EPILOG = """\
\b
Examples:
  kms-perimeter init
  kms-perimeter init --region eu-west-1 --region eu-central-1 --out networks.yaml
  kms-perimeter init --region eu-west-1 --approve endpoints --mode enforce --force
  kms-perimeter init --out - | kms-perimeter validate -

\b
Needs: ec2:DescribeVpcEndpoints, ec2:DescribeVpcs; ec2:DescribeRegions for --all-regions; sts:GetCallerIdentity, which
  everybody may call.

Exit status: 0 written, 2 bad usage, the file exists, there is no endpoint for KMS, or AWS refuses.
"""


@click.command(epilog=EPILOG)
@credentials.profile_option
@credentials.regions_options
@click.option(
    "--approve",
    type=click.Choice(["both", "endpoints", "vpcs"]),
    default="both",
    show_default=True,
    help="Approve the endpoints, the VPCs that they are in (and so any endpoint for KMS in them), or both.",
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.ALERT.value,
    show_default=True,
    help="What the service may do about a key that is open.",
)
@click.option(
    "--out", metavar="FILE", default=DEFAULT_NAME, show_default=True, help="The file to write; `-` for standard output."
)
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
def init(
    *,
    profile_name: str | None,
    regions: tuple[str, ...],
    all_regions: bool,
    approve: str,
    mode: str,
    out: str,
    force: bool,
) -> None:
    """Write a first perimeter file from what the account has: its VPC endpoints for KMS, and the VPCs that they are in.

    Whatever is found is approved for every use of every key, with its name and Region as a comment; take out what must
    not use keys. Only what is available is approved. Nothing in AWS is changed.
    """
    from kms_perimeter.cli import first_file, yaml_text  # noqa: PLC0415 - PyYAML and boto3 take their time

    if out != inputs.STANDARD_INPUT and Path(out).exists() and not force:
        raise inputs.InputError(f"{out}: exists already; --force overwrites it, --out names another file")
    profile = credentials.profile_named(profile_name)
    chosen = credentials.regions_of(profile, regions, all_regions=all_regions)
    found = _found(profile, chosen)
    text = first_file.text(found, approve, Mode(mode), datetime.now(UTC).date())
    yaml_text.load(text)  # what this writes, every other command reads
    if out == inputs.STANDARD_INPUT:
        click.echo(text, nl=False)
        return
    inputs.write_text(out, text)
    click.echo(f"{out}: {found.told}; next: kms-perimeter scan --perimeter {out}", err=True)


def _found(profile: Profile, regions: tuple[str, ...]) -> Found:
    from kms_perimeter.cli import first_file  # noqa: PLC0415 - boto3 takes its time

    found = first_file.find(profile, regions)
    if found.usable:
        return found
    where = regions[0] if len(regions) == 1 else f"{len(regions)} Regions"
    raise inputs.InputError(
        f"no VPC endpoint for KMS is available in {where}: make one (com.amazonaws.REGION.kms), or name other Regions"
    )
