"""A first perimeter file, from the networks that an account has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter.aws import networks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from kms_perimeter.aws.networks import Endpoint
    from kms_perimeter.aws.profile import Profile
    from kms_perimeter.perimeter import Mode


@dataclass(frozen=True, slots=True)
class Found:
    """What an account has.

    Attributes:
        account: the account.
        endpoints: the endpoints for KMS by Region.
        vpc_names: the names of their VPCs, by ID; empty for a VPC without one.
    """

    account: str
    endpoints: Mapping[str, tuple[Endpoint, ...]]
    vpc_names: Mapping[str, str]

    @property
    def usable(self) -> tuple[tuple[str, Endpoint], ...]:
        """The endpoints that requests can come through, with their Regions."""
        return tuple((region, e) for region, some in self.endpoints.items() for e in some if e.state == "available")

    @property
    def unusable(self) -> tuple[tuple[str, Endpoint], ...]:
        """The others."""
        return tuple((region, e) for region, some in self.endpoints.items() for e in some if e.state != "available")

    @property
    def told(self) -> str:
        """How much that is."""
        vpcs = {endpoint.vpc for _, endpoint in self.usable}
        return f"{_many(len(self.usable), 'endpoint')} for KMS in {_many(len(vpcs), 'VPC')}"

    def vpc(self, vpc: str) -> str:
        """A VPC for people."""
        name = _clean(self.vpc_names.get(vpc, ""))
        return f"{vpc} `{name}`" if name else vpc


def find(profile: Profile, regions: tuple[str, ...]) -> Found:
    """What the account has in these Regions."""
    clients = {region: profile.ec2(region) for region in regions}
    endpoints = {region: networks.kms_endpoints(client) for region, client in clients.items()}
    names = {
        vpc.id: vpc.name
        for region, client in clients.items()
        for vpc in networks.vpcs(client, {endpoint.vpc for endpoint in endpoints[region]})
    }
    return Found(profile.account(), endpoints, names)


def text(found: Found, approve: str, mode: Mode, today: date) -> str:
    """The file.

    Args:
        found: what the account has.
        approve: ``both``, ``endpoints`` or ``vpcs``.
        mode: what the service may do about a key that is open.
        today: for the comment at its head.
    """
    lines = [*_head(found, today), *_rule(found, approve), f"    mode: {mode.value}"]
    if mode == "alert":
        lines[-1] += "  # tells only; then approve: asks first, enforce: closes keys"
    return "\n".join(lines) + "\n"


def _head(found: Found, today: date) -> Iterator[str]:
    yield "# The perimeter: which operations on which KMS keys must come from which networks."
    yield f"# Written by `kms-perimeter init` on {today} from account {found.account}, {', '.join(found.endpoints)}."
    yield "# Take out every network that must not use keys; docs/perimeter-file.md says what else can be said here."
    yield "version: 1"
    yield "perimeters:"
    yield "  - name: default"
    yield "    rules:"
    yield "      - name: use"
    yield "        operations: [cryptographic]"


def _rule(found: Found, approve: str) -> Iterator[str]:
    if approve != "vpcs":
        yield "        # Endpoints for KMS: a request through one of them is inside."
        yield "        vpc_endpoints:"
        for region, endpoint in found.usable:
            yield f"          - {endpoint.id}  # {_described(found, region, endpoint)}"
        for region, endpoint in found.unusable:
            yield f"          # - {endpoint.id}  # {endpoint.state}: {_described(found, region, endpoint)}"
    if approve != "endpoints":
        yield "        # VPCs: a request through any endpoint for KMS in one of them is inside, a new one too."
        yield "        vpcs:"
        for vpc, region in {endpoint.vpc: region for region, endpoint in found.usable}.items():
            name = _clean(found.vpc_names.get(vpc, ""))
            yield f"          - {vpc}  # {region}" + (f" `{name}`" if name else "")


def _described(found: Found, region: str, endpoint: Endpoint) -> str:
    name = f" `{_clean(endpoint.name)}`" if _clean(endpoint.name) else ""
    fips = " (FIPS)" if endpoint.service.endswith("-fips") else ""
    dns = "" if endpoint.private_dns else ", without private DNS"
    return f"{region}{name}{fips} in {found.vpc(endpoint.vpc)}{dns}"


def _clean(name: str) -> str:
    """A name as a comment can hold it: on one line, and nothing that a terminal or YAML would obey."""
    return "".join(character for character in name if character.isprintable()).strip()


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
