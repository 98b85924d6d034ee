"""The options that say whose keys a command is about: profile and Regions, as the AWS command line has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.cli import inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from kms_perimeter.aws.profile import Profile


def profile_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--profile``."""
    told = "The profile of the AWS configuration.  [default: the usual credentials]"
    return click.option("--profile", "profile_name", metavar="NAME", shell_complete=_profiles, help=told)(function)


def region_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--region`` for a command about one Region."""
    told = "The Region.  [default: AWS_REGION, or the profile's]"
    return click.option("--region", metavar="REGION", envvar="AWS_REGION", help=told)(function)


def regions_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options ``--region``, as often as wanted, and ``--all-regions``."""
    told = "A Region; give it again for another.  [default: AWS_REGION, or the profile's]"
    one = click.option("--region", "regions", metavar="REGION", multiple=True, envvar="AWS_REGION", help=told)
    every = click.option("--all-regions", is_flag=True, help="Every Region that is enabled for the account.")
    return one(every(function))


def profile_named(name: str | None) -> Profile:
    """The access to AWS of that profile."""
    from kms_perimeter.aws.profile import Profile  # noqa: PLC0415 - boto3 takes its time

    return Profile.named(name)


def region_of(profile: Profile, region: str | None) -> str:
    """The Region that is meant.

    Raises:
        InputError: none is given and none is configured.
    """
    if found := region or profile.region:
        return found
    raise inputs.InputError("no Region; give --region, or set AWS_REGION or the profile's `region`")


def regions_of(profile: Profile, regions: tuple[str, ...], *, all_regions: bool) -> tuple[str, ...]:
    """The Regions that are meant, each once.

    Raises:
        InputError: none is given and none is configured.
    """
    if all_regions:
        return profile.regions()
    return tuple(dict.fromkeys(regions)) or (region_of(profile, None),)


def _profiles(_context: click.Context, _option: click.Parameter, start: str) -> list[CompletionItem | str]:
    from kms_perimeter.aws.profile import Profile  # noqa: PLC0415 - likewise

    return [name for name in Profile.named(None).session.available_profiles if name.startswith(start)]
