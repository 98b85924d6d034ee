"""The AWS clients, each made once, when its first call is made: most runs have nothing to tell and nothing to order.

The first client costs a cold start as much as the import of all that is ours, DynamoDB's half of that, since botocore
parses the model of the service.
"""

from __future__ import annotations

from functools import cache, cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_securityhub import SecurityHubClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

# Three tries ride out a blip. What lasts longer is the queue's business: it can wait for minutes, a function must not.
PATIENCE = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=10)

# KMS's quotas are shared with the account's applications: while it throttles, this client slows itself down.
ADAPTIVE = PATIENCE.merge(Config(retries={"mode": "adaptive", "total_max_attempts": 5}))

_making = Lock()


class _Later:
    """A client that is made at its first use."""

    def __init__(self, service: str, config: Config) -> None:
        self._service, self._config = service, config

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        """What the client has by that name."""
        with _making:  # several keys are looked at side by side, and boto3's session is not made for that
            client = self._client
        return getattr(client, name)

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - a client of a service that is known only when it runs
        return boto3.client(cast("Any", self._service), config=self._config)


@cache
def kms() -> KMSClient:
    """The client for KMS."""
    return cast("KMSClient", _Later("kms", ADAPTIVE))


@cache
def dynamodb() -> DynamoDBClient:
    """The client for DynamoDB."""
    return cast("DynamoDBClient", _Later("dynamodb", PATIENCE))


@cache
def sqs() -> SQSClient:
    """The client for SQS."""
    return cast("SQSClient", _Later("sqs", PATIENCE))


@cache
def sns() -> SNSClient:
    """The client for SNS."""
    return cast("SNSClient", _Later("sns", PATIENCE))


@cache
def ssm() -> SSMClient:
    """The client for Systems Manager."""
    return cast("SSMClient", _Later("ssm", PATIENCE))


@cache
def secretsmanager() -> SecretsManagerClient:
    """The client for Secrets Manager."""
    return cast("SecretsManagerClient", _Later("secretsmanager", PATIENCE))


@cache
def events() -> EventBridgeClient:
    """The client for EventBridge."""
    return cast("EventBridgeClient", _Later("events", PATIENCE))


@cache
def securityhub() -> SecurityHubClient:
    """The client for Security Hub."""
    return cast("SecurityHubClient", _Later("securityhub", PATIENCE))


@cache
def s3() -> S3Client:
    """The client for S3."""
    return cast("S3Client", _Later("s3", PATIENCE))
