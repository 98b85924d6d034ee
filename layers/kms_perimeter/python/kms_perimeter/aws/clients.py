"""The AWS clients, each made once, when it is first needed: a client costs a cold start a tenth of a second."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_securityhub import SecurityHubClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

# Three tries ride out a blip. What lasts longer is the queue's business: it can wait for minutes, a function must not.
PATIENCE = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=10)

# KMS's quotas are shared with the account's applications: while it throttles, this client slows itself down.
ADAPTIVE = PATIENCE.merge(Config(retries={"mode": "adaptive", "total_max_attempts": 5}))


@cache
def kms() -> KMSClient:
    """The client for KMS."""
    return boto3.client("kms", config=ADAPTIVE)


@cache
def dynamodb() -> DynamoDBClient:
    """The client for DynamoDB."""
    return boto3.client("dynamodb", config=PATIENCE)


@cache
def sqs() -> SQSClient:
    """The client for SQS."""
    return boto3.client("sqs", config=PATIENCE)


@cache
def sns() -> SNSClient:
    """The client for SNS."""
    return boto3.client("sns", config=PATIENCE)


@cache
def ssm() -> SSMClient:
    """The client for Systems Manager."""
    return boto3.client("ssm", config=PATIENCE)


@cache
def secretsmanager() -> SecretsManagerClient:
    """The client for Secrets Manager."""
    return boto3.client("secretsmanager", config=PATIENCE)


@cache
def events() -> EventBridgeClient:
    """The client for EventBridge."""
    return boto3.client("events", config=PATIENCE)


@cache
def securityhub() -> SecurityHubClient:
    """The client for Security Hub."""
    return boto3.client("securityhub", config=PATIENCE)
