"""What to do about a verdict: pure, from the verdict, the perimeter and what was done before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kms_perimeter.perimeter import Mode
from kms_perimeter.policy.operations import OPERATIONS
from kms_perimeter.verdict import Escape, Outcome, Verdict

if TYPE_CHECKING:
    from kms_perimeter.perimeter import Perimeter, PolicyException

CONTESTED_AFTER = 3


class DecisionKind(StrEnum):
    """What the service does about a key."""

    IGNORE = "ignore"
    ALERT = "alert"
    ASK = "ask"
    REMEDIATE = "remediate"
    CONTESTED = "contested"


class Severity(StrEnum):
    """How bad it is, by what is open and to whom; each member ranks above those before it."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for ``info`` to 4 for ``critical``."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class History:
    """What was known of the key before this.

    Attributes:
        told: people have been told of this very policy and this very verdict, and nothing has happened since.
        was_open: people have been told that the key is open, or that nobody can say, and not yet that it is enclosed.
        recent_remediations: how often the guard has changed the key within the window.
        contested: the guard has already given up on this key.
    """

    told: bool = False
    was_open: bool = False
    recent_remediations: int = 0
    contested: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the service does, and why.

    Attributes:
        kind: what it does.
        reason: one clause for a person, lower case.
        severity: how bad the finding is.
        closes_exposure: the key was open for a while and no longer is.
        excepted: somebody answers for the key, which is why nothing is done.
    """

    kind: DecisionKind
    reason: str
    severity: Severity
    closes_exposure: bool = False
    excepted: bool = False

    def to_json(self) -> dict[str, Any]:
        """What `replay` and the alerts print."""
        return {
            "decision": self.kind.value,
            "reason": self.reason,
            "severity": self.severity.value,
            "closes_exposure": self.closes_exposure,
        }


def decide(
    verdict: Verdict,
    perimeter: Perimeter | None,
    *,
    exception: PolicyException | None = None,
    history: History = History(),
    carried: Verdict | None = None,
    owned_by: str | None = None,
    contested_after: int = CONTESTED_AFTER,
) -> Decision:
    """What to do about a key.

    Args:
        verdict: on the key's live policy.
        perimeter: the one that the key is under, or None where none applies.
        exception: an exception for this key that has not expired.
        history: what was known before.
        carried: the verdict on the policy that the event carries, which may no longer be the live one.
        owned_by: the tag by which infrastructure code owns the key, which the guard therefore only tells about.
        contested_after: remediations within the window after which the key counts as contested.
    """
    if perimeter is None:
        return Decision(DecisionKind.IGNORE, "no perimeter applies to the key", Severity.INFO)
    if verdict.outcome is Outcome.ENCLOSED:
        return _enclosed(history, carried)
    if exception is not None:
        until = f"{exception.owner} answers for the key until {exception.expires}: {exception.reason}"
        return Decision(DecisionKind.IGNORE, f"excepted: {until}", Severity.INFO, excepted=True)
    if verdict.outcome is Outcome.ESCAPES and owned_by is None:
        return _escapes(verdict, perimeter.mode, history, contested_after)
    if verdict.outcome is Outcome.ESCAPES and not history.told:
        reason = f"its tag {owned_by} says that infrastructure code manages it, so it must be fixed there"
        return Decision(DecisionKind.ALERT, reason, severity_of(verdict))
    return _unproved(verdict, history)


def severity_of(verdict: Verdict) -> Severity:
    """How bad the verdict is: the worst of its escapes, where it has any."""
    match verdict.outcome:
        case Outcome.ENCLOSED:
            return Severity.INFO
        case Outcome.UNDECIDED:
            return Severity.MEDIUM
        case Outcome.MALFORMED:
            return Severity.HIGH
        case Outcome.ESCAPES:
            return max(map(_severity_of_escape, verdict.escapes), key=lambda s: s.rank, default=Severity.HIGH)


def _enclosed(history: History, carried: Verdict | None) -> Decision:
    was_open = carried is not None and carried.outcome is Outcome.ESCAPES
    if was_open or history.was_open:
        reason = "the key was open and is enclosed again"
        return Decision(DecisionKind.ALERT, reason, Severity.LOW, closes_exposure=True)
    return Decision(DecisionKind.IGNORE, "the key is enclosed", Severity.INFO)


def _unproved(verdict: Verdict, history: History) -> Decision:
    if history.told:
        return Decision(DecisionKind.IGNORE, "told already: the policy is the same", severity_of(verdict))
    reason = f"the policy is {verdict.outcome.value}, and what is not proved is not touched"
    return Decision(DecisionKind.ALERT, reason, severity_of(verdict))


def _escapes(verdict: Verdict, mode: Mode, history: History, contested_after: int) -> Decision:
    severity = severity_of(verdict)
    fought_over = mode is Mode.ENFORCE and not history.contested and history.recent_remediations >= contested_after
    if fought_over:
        times = f"{history.recent_remediations} time{'s' if history.recent_remediations != 1 else ''}"
        reason = f"the guard has closed the key {times} and somebody opens it again each time"
        return Decision(DecisionKind.CONTESTED, reason, max(severity, Severity.HIGH, key=lambda s: s.rank))
    if (mode is not Mode.ENFORCE or history.contested) and history.told:
        return Decision(DecisionKind.IGNORE, "told already: the policy is the same", severity)
    if history.contested:
        return Decision(DecisionKind.ALERT, "the key is contested, so the guard leaves it alone", severity)
    return Decision(_BY_MODE[mode], f"the policy lets outside requests through and the mode is {mode.value}", severity)


_BY_MODE = {
    Mode.ALERT: DecisionKind.ALERT,
    Mode.APPROVE: DecisionKind.ASK,
    Mode.ENFORCE: DecisionKind.REMEDIATE,
}


# Who holds one of these turns ciphertext into plaintext, makes keys and signatures that others trust, or takes the key
# over. Encrypting or verifying with somebody's key gives away much less.
_GRAVE = frozenset(
    {
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyPair",
        "kms:Sign",
        "kms:GenerateMac",
        "kms:DeriveSharedSecret",
        "kms:CreateGrant",
        "kms:PutKeyPolicy",
    }
)


def _severity_of_escape(escape: Escape) -> Severity:
    operation = OPERATIONS.get(escape.operation)
    if operation is not None and operation.group == "read":
        return Severity.LOW
    if escape.operation not in _GRAVE:
        return Severity.MEDIUM
    return Severity.CRITICAL if _by_a_stranger(escape) else Severity.HIGH


def _by_a_stranger(escape: Escape) -> bool:
    """Whether the one who gets through is of another account than the key."""
    caller, key = _account(escape.request.principal), _account(escape.request.resource or "")
    return caller is not None and key is not None and caller != key


def _account(arn: str) -> str | None:
    parts = arn.split(":")
    return parts[4] if arn.startswith("arn:") and len(parts) > 4 and parts[4].isdigit() else None  # noqa: PLR2004
