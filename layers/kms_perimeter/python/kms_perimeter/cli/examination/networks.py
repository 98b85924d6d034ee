"""Do the approved networks exist, and is KMS to be reached from them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter.aws import networks
from kms_perimeter.cli.examination.sign import Light, green, red, yellow
from kms_perimeter.policy.advisories import DOCUMENTED_IDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

    from kms_perimeter.aws.networks import Endpoint
    from kms_perimeter.cli.examination.sign import Sign
    from kms_perimeter.perimeter import PerimeterFile

NETWORKS = "networks"
_ELSEWHERE = "fine if another Region or account has it; else take it out of the perimeter, or correct the ID"


@dataclass(frozen=True, slots=True)
class Approved:
    """The networks that rules approve by their IDs, and whether some are approved by account or organization."""

    endpoints: tuple[str, ...]
    vpcs: tuple[str, ...]
    others: bool


def approved(file: PerimeterFile) -> Approved:
    """The networks that a perimeter file names, each once."""
    rules = [rule for perimeter in file.perimeters for rule in perimeter.rules]
    return Approved(
        tuple(dict.fromkeys(endpoint for rule in rules for endpoint in rule.vpc_endpoints)),
        tuple(dict.fromkeys(vpc for rule in rules for vpc in rule.vpcs)),
        any(rule.vpce_accounts or rule.vpce_org_ids for rule in rules),
    )


def examine(client: EC2Client, file: PerimeterFile) -> Iterator[Sign]:
    """A sign for each approved network, and one for all of them."""
    wanted, region = approved(file), client.meta.region_name
    known = {endpoint.id: endpoint for endpoint in networks.endpoints(client)}
    endpoints = {name: known.get(name) for name in wanted.endpoints}
    signs = [_endpoint(name, endpoint, region) for name, endpoint in endpoints.items()]
    there = {vpc.id for vpc in networks.vpcs(client, wanted.vpcs)}
    served = {endpoint.vpc for endpoint in known.values() if _usable(endpoint, region)}
    signs += [_vpc(name, region, known=name in there, served=name in served) for name in wanted.vpcs]
    yield from signs
    reachable = any(sign.light is Light.GREEN for sign in signs) or any(
        e and _usable(e, region) for e in endpoints.values()
    )
    if not reachable and not wanted.others:
        told = f"no approved network leads to KMS in {region}: whatever is closed there nobody could use"
        yield red(NETWORKS, told, "approve an endpoint or a VPC of this Region (`kms-perimeter init` finds them)")


def _usable(endpoint: Endpoint, region: str) -> bool:
    return endpoint.serves_kms(region) and endpoint.state == "available"


def _endpoint(name: str, endpoint: Endpoint | None, region: str) -> Sign:
    if endpoint is None:
        return _missing(name, region)
    told = f"endpoint `{name}`" + (f" (`{endpoint.name}`)" if endpoint.name else "")
    if not endpoint.serves_kms(region):
        todo = f"take it out of the perimeter, and approve an endpoint for {networks.services(region)[0]}"
        return red(NETWORKS, f"{told} is for {endpoint.service}, so no request to KMS comes through it", todo)
    if endpoint.state != "available":
        return red(NETWORKS, f"{told} is {endpoint.state}", "make it available, or approve another one")
    if not endpoint.private_dns:
        seen = f"{told} has no private DNS: only clients that are given its own DNS name come through it"
        return yellow(NETWORKS, seen, "turn private DNS on, or see that every client has its name (`endpoint_url`)")
    return green(NETWORKS, f"{told} serves KMS with private DNS")


def _vpc(name: str, region: str, *, known: bool, served: bool) -> Sign:
    if not known:
        return _missing(name, region)
    if not served:
        told = f"VPC `{name}` has no available endpoint for KMS that this account can see, so no request comes from it"
        return yellow(NETWORKS, told, "make one in it; in a shared VPC, ask its owner whether there is one")
    return green(NETWORKS, f"VPC `{name}` has an endpoint for KMS")


def _missing(name: str, region: str) -> Sign:
    if name in DOCUMENTED_IDS:
        return red(NETWORKS, f"`{name}` is an ID from documentation", "put your own in its place")
    return yellow(NETWORKS, f"`{name}` is not in this account and {region}", _ELSEWHERE)
