"""What is said of a key policy: the verdict, its escapes and its advisories."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(StrEnum):
    """The four answers, by rising exit status of `check` (0, 1, 3, and 2 for malformed)."""

    ENCLOSED = "enclosed"
    ESCAPES = "escapes"
    UNDECIDED = "undecided"
    MALFORMED = "malformed"


class Route(StrEnum):
    """How a request gets its permission."""

    KEY_POLICY = "key-policy"
    IAM = "iam"
    GRANT = "grant"


@dataclass(frozen=True, slots=True)
class StatementRef:
    """A statement of the policy: its 0-based index and its Sid, if it has one."""

    index: int
    sid: str | None

    def to_json(self) -> dict[str, Any]:
        """The reference as the contract prints it."""
        return {"index": self.index, "sid": self.sid}


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Escape:
    """An outside request that the key policy lets through.

    Attributes:
        operation: the operation, such as ``kms:Decrypt``.
        rule: name of the perimeter's rule that covers the operation.
        route: how the request gets its permission.
        statement: the `Allow` statement that decides.
        request: the counterexample itself.
        why: one sentence for a person.
        grant: for the route ``grant``, the outside `kms:CreateGrant` request that gives the operation away.
    """

    operation: str
    rule: str
    route: Route
    statement: StatementRef
    request: Request
    why: str
    grant: Request | None = None

    def to_json(self) -> dict[str, Any]:
        """The escape as the contract prints it."""
        printed = {
            "operation": self.operation,
            "rule": self.rule,
            "route": self.route.value,
            "statement": self.statement.to_json(),
            "request": self.request.to_json(),
            "why": self.why,
        }
        return printed | ({"grant": self.grant.to_json()} if self.grant else {})


@dataclass(frozen=True, slots=True)
class Advisory:
    """Something true and worth saying about a statement that is no escape.

    Attributes:
        code: a fixed word, such as ``source-ip-ineffective``.
        statement: the statement it is about, or None where it is about the policy.
        message: one sentence for a person.
    """

    code: str
    statement: StatementRef | None
    message: str

    def to_json(self) -> dict[str, Any]:
        """The advisory as the contract prints it."""
        statement = self.statement.to_json() if self.statement else None
        return {"code": self.code, "statement": statement, "message": self.message}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to: can any request from outside the perimeter use the key?

    Attributes:
        outcome: the answer.
        perimeter: name of the perimeter that the key is under, or None where the question could not be asked.
        key_usage: the usage that the key was judged for.
        escapes: the counterexamples; empty unless the outcome is ``escapes``.
        advisories: see `Advisory`.
        reason: for ``undecided`` and ``malformed``, why; else None.
    """

    outcome: Outcome
    perimeter: str | None
    key_usage: str
    escapes: tuple[Escape, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The verdict as `check --format json` prints it."""
        return {
            "verdict": self.outcome.value,
            "perimeter": self.perimeter,
            "key_usage": self.key_usage,
            "escapes": [escape.to_json() for escape in self.escapes],
            "advisories": [advisory.to_json() for advisory in self.advisories],
            "reason": self.reason,
        }
