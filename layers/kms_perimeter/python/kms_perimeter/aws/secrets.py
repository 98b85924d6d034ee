"""Secrets Manager: the URL of the Slack webhook, which is a password in all but name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def read(client: SecretsManagerClient, arn: str) -> str:
    """The text of a secret, without the line end that `file://` on the command line brings along."""
    return client.get_secret_value(SecretId=arn)["SecretString"].strip()
