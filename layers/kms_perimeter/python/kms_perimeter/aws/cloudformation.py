"""CloudFormation's custom resources: the answer to a request, put where CloudFormation waits for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 10


def answer(request: Mapping[str, Any], problem: str | None) -> None:
    """Tells CloudFormation that the resource is good, or what is wrong with it, which fails the deployment.

    Args:
        request: the event that CloudFormation has called the function with.
        problem: for a person, who reads it among the stack's events; None for none.
    """
    names = ("StackId", "RequestId", "LogicalResourceId")
    body = {name: request[name] for name in names} | {
        "PhysicalResourceId": request["LogicalResourceId"],
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem or "",
    }
    # A presigned URL of S3, which wants no content type. It comes from CloudFormation, not from a person.
    put = Request(request["ResponseURL"], json.dumps(body).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310
    with urlopen(put, timeout=SECONDS):  # noqa: S310 - likewise
        return
