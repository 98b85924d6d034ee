"""AWS as a person at a terminal reaches it: the usual credentials and profiles, in any number of Regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from kms_perimeter import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

# Adaptive: the client slows down by itself where AWS throttles. A person waits longer than a function does.
PATIENCE = Config(
    retries={"mode": "adaptive", "total_max_attempts": 8},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=32,
    user_agent_extra=f"kms-perimeter/{__version__}",
)
ANY_REGION = "us-east-1"  # for what is the same from every Region, where a person has configured none


@dataclass(frozen=True, slots=True)
class Profile:
    """Somebody's access to AWS.

    Each method may raise what botocore raises: no credentials, access denied, throttled, not reached.
    """

    session: boto3.Session

    @classmethod
    def named(cls, name: str | None) -> Profile:
        """The profile of that name, or the usual one."""
        return cls(boto3.Session(profile_name=name))

    @property
    def region(self) -> str | None:
        """The Region that is configured, if there is one."""
        return self.session.region_name

    def account(self) -> str:
        """The account that the credentials are of."""
        client = self.session.client("sts", region_name=self.region or ANY_REGION, config=PATIENCE)
        return client.get_caller_identity()["Account"]

    def caller(self, region: str) -> str:
        """The ARN of whoever the credentials are of. Nobody can be denied this."""
        return self.session.client("sts", region_name=region, config=PATIENCE).get_caller_identity()["Arn"]

    def regions(self) -> tuple[str, ...]:
        """The Regions that are enabled for the account."""
        answer = self.ec2(self.region or ANY_REGION).describe_regions()
        return tuple(sorted(region["RegionName"] for region in answer["Regions"] if "RegionName" in region))

    def kms(self, region: str, pace: Callable[[], None] | None = None) -> KMSClient:
        """The client for KMS.

        Args:
            region: the Region.
            pace: is called before every request, retries among them, and may make it wait.
        """
        client = self.session.client("kms", region_name=region, config=PATIENCE)
        if pace:

            def wait(**_: object) -> None:
                pace()

            client.meta.events.register("before-send.kms", wait)
        return client

    def ec2(self, region: str) -> EC2Client:
        """The client for EC2."""
        return self.session.client("ec2", region_name=region, config=PATIENCE)

    def cloudformation(self, region: str) -> CloudFormationClient:
        """The client for CloudFormation."""
        return self.session.client("cloudformation", region_name=region, config=PATIENCE)

    def cloudtrail(self, region: str) -> CloudTrailClient:
        """The client for CloudTrail."""
        return self.session.client("cloudtrail", region_name=region, config=PATIENCE)

    def cloudwatch(self, region: str) -> CloudWatchClient:
        """The client for CloudWatch."""
        return self.session.client("cloudwatch", region_name=region, config=PATIENCE)

    def dynamodb(self, region: str) -> DynamoDBClient:
        """The client for DynamoDB."""
        return self.session.client("dynamodb", region_name=region, config=PATIENCE)

    def events(self, region: str) -> EventBridgeClient:
        """The client for EventBridge."""
        return self.session.client("events", region_name=region, config=PATIENCE)

    def sqs(self, region: str) -> SQSClient:
        """The client for SQS."""
        return self.session.client("sqs", region_name=region, config=PATIENCE)

    def ssm(self, region: str) -> SSMClient:
        """The client for Systems Manager."""
        return self.session.client("ssm", region_name=region, config=PATIENCE)
