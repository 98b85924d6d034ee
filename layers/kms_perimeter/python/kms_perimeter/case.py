"""A key as it is looked at now: what it is, what was found, and what was known of it before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from kms_perimeter import sweep
from kms_perimeter.aws.ledger import Opening
from kms_perimeter.cloudtrail import POLICY_CALLS, KeyChange
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.message import Exposure
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.aws.ledger import Finding, State
    from kms_perimeter.evidence import Evidence

A_SECOND = timedelta(seconds=1)  # CloudTrail gives times to the second


@dataclass(frozen=True, slots=True)
class Case:
    """A key as it is looked at now.

    Attributes:
        evidence: the key as it is now.
        judged: the verdict on its policy.
        state: what the ledger knew about it before.
        carried: the verdict on the policy that the event carries, if that one escaped and is not the live one.
        claimed: whether this run has the work on the finding already (`Ledger.take`).
    """

    evidence: Evidence
    judged: Verdict
    state: State
    carried: Verdict | None = None
    claimed: bool = False

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
        if change.event_name in sweep.NOBODYS:
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


def attributed(evidence: Evidence, judged: Verdict, state: State, heard: Callable[[], bool]) -> Evidence:
    """The evidence on a key that was found open, with nobody's call as its cause where the event cannot be that.

    Events come late and twice. One whose policy is not the live one, or which is older than what has been settled
    since, has made the guard look, and no more. To blame its caller would be wrong, and to go by its name would make a
    new incident look like the old one: to the ledger, to the queue of orders, and to whoever drops alerts told before.

    Args:
        evidence: the key as it is now.
        judged: the verdict on it.
        state: what the ledger knew about it before.
        heard: whether the event was worked on before; asked only where its time does not tell.
    """
    change = evidence.change
    news = judged.outcome is Outcome.ESCAPES and state.settled != evidence.finding(judged)
    if not news or change.event_name in sweep.NOBODYS or _explains(evidence, state, heard):
        return evidence
    settled = f"{state.settled_at:%Y%m%dT%H%M%SZ}" if state.settled_at else "first"
    look = KeyChange(
        event_id=f"{change.event_id}#{settled}",  # so that `Ledger.of_cause` finds it with the event's own entries
        event_name=sweep.LOOK,
        time=change.time,
        key_arn=change.key_arn,
        account=change.account,
        region=change.region,
        actor="nobody known",
    )
    return replace(evidence, change=look)


def _explains(evidence: Evidence, state: State, heard: Callable[[], bool]) -> bool:
    """Whether the event can be what has made the key as it is."""
    change = evidence.change
    since = state.settled_at - change.time if state.settled_at else -A_SECOND
    if since >= A_SECOND or (since >= timedelta() and heard()):
        return False
    if change.event_name not in POLICY_CALLS:  # it can have moved the key to another perimeter, or given a grant
        return state.settled is None or state.settled.fingerprint == fingerprint(evidence.policy)
    return change.policy is None or fingerprint(change.policy) == fingerprint(evidence.policy)
