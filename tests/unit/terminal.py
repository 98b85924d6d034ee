"""A person's account in memory, and the command line against it on moto."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boto3

from tests.unit import refusing
from tests.unit.command import Ran, run

REGION, ELSEWHERE = "us-east-1", "eu-west-1"
OURS = "123456789012"  # moto's account


@dataclass
class Terminal:
    """A shell with credentials for an account.

    Attributes:
        environment: what the command finds there; no configuration of this machine's reaches it.
    """

    environment: dict[str, str | None] = field(
        default_factory=lambda: {
            "AWS_CONFIG_FILE": "no-such-file",
            "AWS_SHARED_CREDENTIALS_FILE": "no-such-file",
            "AWS_DEFAULT_REGION": REGION,
            **refusing.ENVIRONMENT,
            **dict.fromkeys(("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL")),
        }
    )
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str | bytes = "") -> Ran:
        """Runs `kms-perimeter`."""
        return run(*arguments, stdin=stdin, env=self.environment)

    def client(self, service: str, region: str = REGION) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """A client with every permission."""
        make: Any = boto3.client
        if (service, region) not in self.clients:
            self.clients[service, region] = make(service, region)
        return self.clients[service, region]

    def key(self, policy: str, region: str = REGION, alias: str | None = None, **parameters: Any) -> str:  # noqa: ANN401
        """Makes a key and returns its ARN."""
        arn = str(self.client("kms", region).create_key(Policy=policy, **parameters)["KeyMetadata"]["Arn"])
        if alias:
            self.client("kms", region).create_alias(AliasName=alias, TargetKeyId=arn)
        return arn

    def vpc(self, name: str = "", region: str = REGION) -> str:
        """Makes a VPC and returns its ID."""
        created = self.client("ec2", region).create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=_tags("vpc", name))
        return str(created["Vpc"]["VpcId"])

    def endpoint(self, vpc: str, name: str = "", region: str = REGION, service: str = "kms", **more: Any) -> str:  # noqa: ANN401
        """Makes an interface endpoint with private DNS and returns its ID."""
        given = {"PrivateDnsEnabled": True, "VpcEndpointType": "Interface"} | more
        created = self.client("ec2", region).create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{region}.{service}",
            TagSpecifications=_tags("vpc-endpoint", name),
            **given,
        )
        return str(created["VpcEndpoint"]["VpcEndpointId"])


def _tags(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}] if name else []
