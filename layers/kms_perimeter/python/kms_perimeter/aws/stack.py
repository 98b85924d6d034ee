"""The resources of a stack as CloudFormation knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a stack.

    Attributes:
        type: such as ``AWS::SQS::Queue``.
        id: the physical ID: for a role or a rule its name, for a queue its URL.
        updated: when it was last made or changed.
    """

    type: str
    id: str
    updated: datetime


def resources(client: CloudFormationClient, name: str) -> dict[str, Resource]:
    """The resources of a stack by their logical IDs. Takes ``cloudformation:ListStackResources``."""
    pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        one["LogicalResourceId"]: Resource(
            one["ResourceType"], one.get("PhysicalResourceId", ""), one["LastUpdatedTimestamp"]
        )
        for page in pages
        for one in page["StackResourceSummaries"]
    }
