"""An AWS that refuses: a plugin of botocore's, which reaches the clients that a command makes for itself.

moto checks IAM policies too, but answers services that speak JSON in XML.
"""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVIRONMENT = {"BOTOCORE_EXPERIMENTAL__PLUGINS": f"refusing={__name__}"}
_refused: dict[str, str] = {}


@contextmanager
def refused(code: str, *actions: str) -> Iterator[None]:
    """Within the block AWS answers these actions with an error.

    Args:
        code: the error's.
        actions: such as ``kms:GetKeyPolicy``, or ``kms:GetKeyPolicy@eu-west-1`` for one Region.
    """
    _refused.update(dict.fromkeys(actions, code))
    try:
        yield
    finally:
        for action in actions:
            del _refused[action]


def initialize_client_plugin(client: Any) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
    """What botocore calls for each client."""

    def answer(model: Any, **_: object) -> tuple[AWSResponse, dict[str, Any]] | None:  # noqa: ANN401 - likewise
        action = f"{client.meta.service_model.service_name}:{model.name}"
        code = _refused.get(action) or _refused.get(f"{action}@{client.meta.region_name}")
        if code is None:
            return None
        told = f"User: arn:aws:iam::123456789012:user/somebody is not authorized to perform: {action}"
        error = {"Error": {"Code": code, "Message": told}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return AWSResponse("", 400, HTTPHeaders(), BytesIO()), error

    client.meta.events.register_last("before-call", answer)
