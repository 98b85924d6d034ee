"""The networks that KMS can be reached from: VPC endpoints and VPCs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter.aws.queues import batches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import TagTypeDef, VpcEndpointTypeDef

# *Create a VPC endpoint for AWS KMS* in the AWS KMS Developer Guide: one service, and one for its FIPS endpoint.
_SERVICES = ("kms", "kms-fips")
VALUES_PER_FILTER = 200  # the most that EC2 takes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An interface endpoint.

    Attributes:
        id: such as ``vpce-1234abcdf5678c90a``.
        vpc: the VPC that it is in.
        service: the name of the service, such as ``com.amazonaws.us-east-1.kms``.
        state: ``available``, ``pending``, ``deleted`` and so on, in lower case.
        private_dns: whether the usual name of the service leads to it in its VPC.
        name: the value of its tag `Name`; empty for none.
    """

    id: str
    vpc: str
    service: str
    state: str
    private_dns: bool
    name: str

    def serves_kms(self, region: str) -> bool:
        """Whether KMS of that Region is behind it."""
        return self.service in services(region)


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC: its ID and the value of its tag `Name`, empty for none."""

    id: str
    name: str


def services(region: str) -> tuple[str, ...]:
    """The names under which VPC endpoints offer KMS in a Region."""
    return tuple(f"com.amazonaws.{region}.{service}" for service in _SERVICES)


def kms_endpoints(client: EC2Client) -> tuple[Endpoint, ...]:
    """All endpoints for KMS of the account and Region."""
    return tuple(endpoint for endpoint in endpoints(client) if endpoint.serves_kms(client.meta.region_name))


def endpoints(client: EC2Client) -> tuple[Endpoint, ...]:
    """All endpoints of the account and Region, for whatever service. Takes ``ec2:DescribeVpcEndpoints``."""
    pages = client.get_paginator("describe_vpc_endpoints").paginate()
    return tuple(_endpoint(one) for page in pages for one in page["VpcEndpoints"])


def vpcs(client: EC2Client, ids: Collection[str]) -> tuple[Vpc, ...]:
    """Those of these VPCs that the account and Region have, or that are shared with it. Takes ``ec2:DescribeVpcs``."""
    some = batches(sorted(ids), VALUES_PER_FILTER)
    return tuple(vpc for values in some for vpc in _vpcs(client, values))


def _vpcs(client: EC2Client, ids: Sequence[str]) -> Iterator[Vpc]:
    # A filter tells what there is; asking by ID would be an error for one that is not there.
    pages = client.get_paginator("describe_vpcs").paginate(Filters=[{"Name": "vpc-id", "Values": list(ids)}])
    yield from (Vpc(vpc.get("VpcId", ""), _name(vpc.get("Tags", ()))) for page in pages for vpc in page["Vpcs"])


def _endpoint(one: VpcEndpointTypeDef) -> Endpoint:
    return Endpoint(
        one.get("VpcEndpointId", ""),
        one.get("VpcId", ""),
        one.get("ServiceName", ""),
        one.get("State", "").lower(),  # the API reference has `Available`, the service says `available`
        bool(one.get("PrivateDnsEnabled")),
        _name(one.get("Tags", ())),
    )


def _name(tags: Iterable[TagTypeDef]) -> str:
    return next((tag.get("Value", "") for tag in tags if tag.get("Key") == "Name"), "")
