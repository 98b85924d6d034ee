"""A request to KMS, and how it gets its permission."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping


class Route(StrEnum):
    """How a request gets its permission."""

    __hash__ = str.__hash__  # not that of `Enum`, which is Python's own and slow

    KEY_POLICY = "key-policy"
    IAM = "iam"
    GRANT = "grant"


@record
class StatementRef:
    """A statement of the policy: its 0-based index and its Sid, if it has one."""

    index: int
    sid: str | None

    def to_json(self) -> dict[str, Any]:
        """The reference as the contract prints it."""
        return {"index": self.index, "sid": self.sid}


@record
class Request:
    """One concrete request to KMS.

    Attributes:
        principal: ARN of the caller, or the name of a service principal.
        action: such as ``kms:Decrypt``.
        resource: the key's ARN, or None where it is not known.
        context: condition keys of the request; a list for a multivalued key.
    """

    principal: str
    action: str
    resource: str | None
    context: Mapping[str, str | tuple[str, ...]]

    def to_json(self) -> dict[str, Any]:
        """The request as the contract prints it; `evaluate` reads it back."""
        context = {key: list(v) if isinstance(v, tuple) else v for key, v in self.context.items()}
        return {"principal": self.principal, "action": self.action, "resource": self.resource, "context": context}
