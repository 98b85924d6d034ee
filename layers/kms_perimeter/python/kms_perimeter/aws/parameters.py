"""Systems Manager Parameter Store: the perimeter file, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def read(client: SSMClient, name: str) -> str:
    """The text of a parameter of type String (4 KB, or 8 KB in the advanced tier)."""
    return client.get_parameter(Name=name)["Parameter"].get("Value", "")
