"""Systems Manager Parameter Store: the perimeter file, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of type String: its text (4 KB, or 8 KB in the advanced tier) and its version, from 1 up."""

    text: str
    version: int


def read(client: SSMClient, name: str) -> Parameter:
    """The parameter as it is now."""
    told = client.get_parameter(Name=name)["Parameter"]
    return Parameter(told.get("Value", ""), told.get("Version", 0))
