"""What somebody else has put on a key while the guard was putting its own policy, and which is therefore gone.

KMS has no compare-and-swap: the guard reads the policy right before it replaces it, and whatever somebody puts within
the moment in between is overwritten, without a word from KMS. It is found afterwards, by the event of their call, and
told, so that nobody's statement vanishes in silence. docs/decisions/0005 has what can be known of this and what cannot.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from kms_perimeter import cloudtrail, message, verdict
from kms_perimeter.aws.ledger import Kind
from kms_perimeter.cloudtrail import POLICY_CALLS
from kms_perimeter.errors import LedgerConflict
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.message import Matter
from kms_perimeter.remedy import diff_of
from kms_perimeter.telling import entry

if TYPE_CHECKING:
    from kms_perimeter.aws.ledger import Entry, State
    from kms_perimeter.case import Case
    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.evidence import Evidence, Guard
    from kms_perimeter.verdict import Verdict

# What was put so long before the guard read the key may be missing from what it read. KMS is eventually consistent: "It
# typically takes less than a few seconds for the change to propagate". Besides, CloudTrail gives times to the second.
UNSEEN = timedelta(seconds=5)


def tell_if_overwritten(guard: Guard, evidence: Evidence, judged: Verdict, state: State) -> bool:
    """Tells, once, of an event whose policy the guard has overwritten; returns whether it is such an event."""
    change = evidence.change
    if change.policy is None or not _may_be_overwritten(guard, evidence, state):
        return False
    past = {entry.kind for entry in guard.ledger.of_cause(change.key_arn, change.time, change.event_id)}
    if not past:
        _tell(guard, evidence, judged, change.policy)
    return not past or Kind.OVERWRITTEN in past  # else the guard has worked on the event before, and on its policy


def tell_if_seen_between(guard: Guard, case: Case, planned: Entry, known: State) -> None:
    """Tells of a policy that a look at the key found after the guard's last reading, and that the guard has replaced.

    Its event has been worked on already and does not come again.

    Args:
        guard: what the guard works with.
        case: the key as it was read back.
        planned: what the guard has put.
        known: the state before the remediation was settled.
    """
    ours = {fingerprint(planned.facts[name]) for name in ("before", "after")}
    if fingerprint(case.evidence.policy) not in ours or known.seen in ("", *ours):
        return
    if known.planned_at is None or known.seen_at is None or known.seen_at < known.planned_at:
        return
    past = next((e for e in guard.ledger.entries(case.key_arn) if _found(e) == known.seen), None)
    if past is not None:
        _tell(
            guard, replace(case.evidence, change=_cause(past, case.evidence.change)), case.judged, past.facts["policy"]
        )


def _may_be_overwritten(guard: Guard, evidence: Evidence, state: State) -> bool:
    """Whether the event put its policy after the guard had read the key, and the key has the guard's policy."""
    change, live = evidence.change, fingerprint(evidence.policy)
    if change.event_name not in POLICY_CALLS or live != state.planned or state.planned_at is None:
        return False
    if change.time < state.planned_at.replace(microsecond=0) - UNSEEN or fingerprint(str(change.policy)) == live:
        return False
    plans = [e for e in guard.ledger.entries(change.key_arn) if e.kind is Kind.PLANNED]
    ours = [e for e in plans if fingerprint(e.facts["after"]) == live]
    if not ours or change.time < ours[0].at:  # the policy that was planned on is a later one than the event's
        return False
    return all(fingerprint(e.facts["before"]) != fingerprint(str(change.policy)) for e in ours)


def _tell(guard: Guard, evidence: Evidence, judged: Verdict, theirs: str) -> None:
    change = evidence.change
    diff = diff_of(theirs, evidence.policy, ("their policy", "the key's policy"))
    outside = cloudtrail.came_from_outside(change, evidence.perimeter)
    about = Matter(change.key_arn, judged, change, outside, docs=guard.settings.docs_url)
    guard.alerts.publish(message.overwritten(about, diff=diff))
    facts = {
        "outcome": verdict.judge(theirs, evidence.key, evidence.perimeter).outcome.value,
        "perimeter": evidence.perimeter.name,
        "policy": theirs,
        "policy_hash": fingerprint(theirs),
        "diff": diff,
    }
    with suppress(LedgerConflict):  # an earlier run has got so far
        guard.ledger.write(entry(change, Kind.OVERWRITTEN, facts))


def _found(past: Entry) -> str:
    return past.facts.get("policy_hash", "") if past.kind is Kind.VERDICT and "policy" in past.facts else ""


def _cause(past: Entry, change: KeyChange) -> KeyChange:
    """The call that an entry is about."""
    return replace(
        change,
        event_id=past.cause,
        event_name=past.facts.get("event", ""),
        time=past.at,
        actor=past.actor,
        source_ip=past.facts.get("source_ip"),
        vpc_endpoint_id=past.facts.get("vpc_endpoint_id"),
        policy=past.facts["policy"],
    )
