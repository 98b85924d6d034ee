"""A key as it is looked at now: what it is, what was found, and what was known of it before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter import sweep
from kms_perimeter.aws.ledger import Opening
from kms_perimeter.message import Exposure
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from kms_perimeter.aws.ledger import Finding, State
    from kms_perimeter.evidence import Evidence

# The calls after which a key's policy is another. After the others only its perimeter may be.
POLICY_CALLS = ("CreateKey", "PutKeyPolicy", "ReplicateKey")


@dataclass(frozen=True, slots=True)
class Case:
    """A key as it is looked at now.

    Attributes:
        evidence: the key as it is now.
        judged: the verdict on its policy.
        state: what the ledger knew about it before.
        carried: the verdict on the policy that the event carries, if that one escaped and is not the live one.
    """

    evidence: Evidence
    judged: Verdict
    state: State
    carried: Verdict | None = None

    @property
    def key_arn(self) -> str:
        """The key."""
        return self.evidence.change.key_arn

    @property
    def finding(self) -> Finding:
        """The verdict as the ledger compares it."""
        return self.evidence.finding(self.judged)

    def opening(self) -> Opening | None:
        """Since when the key is open, as the ledger is to remember it; None if it is not open.

        A key whose policy cannot be judged any more stays as open as it was.
        """
        if self.judged.outcome is Outcome.ENCLOSED:
            return None
        if self.state.opening or self.judged.outcome is not Outcome.ESCAPES:
            return self.state.opening
        change = self.evidence.change
        if change.event_name == sweep.SWEEP:
            return Opening(self.evidence.read_at)
        return Opening(min(change.time, self.evidence.read_at), change.actor)

    def age(self) -> dict[str, float]:
        """For how long the key has been open, in seconds, by the name of its metric; empty if it is not open."""
        opening = self.opening() if self.judged.outcome is Outcome.ESCAPES else None
        return {"OpenSeconds": max(0.0, (self.evidence.read_at - opening.at).total_seconds())} if opening else {}

    def exposure(self) -> Exposure:
        """The time in which the key was open, for a key that no longer is."""
        change, opening = self.evidence.change, self.state.opening
        if self.carried and opening is None:
            return Exposure(change.time, change.actor, self.evidence.read_at)
        opened, by = (opening.at, opening.by) if opening else (None, "")
        if change.event_name in POLICY_CALLS and not self.carried and (opened is None or change.time >= opened):
            return Exposure(opened, by, change.time, change.actor)
        return Exposure(opened, by, self.evidence.read_at)
