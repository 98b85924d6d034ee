"""Telling: what a decision becomes, as a message for people and as an entry for the ledger."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from kms_perimeter import cloudtrail, message, sweep
from kms_perimeter.aws.ledger import Entry, Finding, Kind
from kms_perimeter.decision import Decision, DecisionKind, Severity
from kms_perimeter.errors import LedgerConflict
from kms_perimeter.evidence import NO_PERIMETER, Report, report_on
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.message import Matter
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.aws.ledger import State
    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.errors import AccessIsDenied
    from kms_perimeter.evidence import Evidence, Guard
    from kms_perimeter.message import Message

# These stand where the outcome of a verdict would.
UNREADABLE = "unreadable"
UNWATCHED = "unwatched"


def announcement(
    guard: Guard, evidence: Evidence, judged: Verdict, decision: Decision, state: State, carried: Verdict | None
) -> Message:
    """The message that tells of a decision."""
    about = matter(evidence, judged)
    if decision.closes_exposure:
        opened = evidence.change.time if carried else None
        return message.exposure_closed(about, opened=opened, closed=evidence.read_at, carried=carried)
    if decision.kind is DecisionKind.CONTESTED:
        times = state.remediations_since(guard.now() - guard.settings.contested_window)
        return message.contested(about, times)
    return message.alert(about, decision)


def matter(evidence: Evidence, judged: Verdict) -> Matter:
    """What a message is about; a sweep is no call that anybody made."""
    change = evidence.change
    if change.event_name == sweep.SWEEP:
        return Matter(change.key_arn, judged)
    return Matter(change.key_arn, judged, change, cloudtrail.came_from_outside(change, evidence.perimeter))


def tell_unreadable(guard: Guard, change: KeyChange, refusal: AccessIsDenied) -> Report:
    """A key that cannot be read may be open: silence would hide it. Told once, until it can be read again."""
    finding, cause = Finding(UNREADABLE, "", ""), None if change.event_name == sweep.SWEEP else change
    if guard.ledger.observe(change.key_arn, finding, guard.now()).settled != finding:
        told = message.unreadable(change.key_arn, reason=str(refusal), change=cause)
        tell_once(guard, change, finding, told, str(refusal))
    return report_on(change, UNREADABLE, str(refusal))


def tell_unwatched(guard: Guard, change: KeyChange) -> Report:
    """A key that no perimeter applies to is none of the guard's business, but that it has left one is news.

    Else whoever may change a tag or an alias could open a key behind the guard's back.
    """
    finding, settled = Finding(UNWATCHED, "", ""), guard.ledger.state(change.key_arn).settled
    if settled is None or settled == finding:
        return report_on(change, "ignored", NO_PERIMETER)
    reason = f"no perimeter applies to the key any more; it was under `{settled.perimeter}`"
    judged = Verdict(Outcome.UNDECIDED, None, "", reason=reason)
    about = Matter(change.key_arn, judged, None if change.event_name == sweep.SWEEP else change)
    decision = Decision(DecisionKind.ALERT, "it is under no perimeter", Severity.HIGH)
    tell_once(guard, change, finding, message.alert(about, decision), reason)
    return report_on(change, UNWATCHED, reason)


def tell_once(guard: Guard, change: KeyChange, finding: Finding, told: Message, reason: str) -> None:
    """Tells of a finding that is no verdict, and records and settles it."""
    now = guard.now()
    guard.ledger.claim(change.key_arn, finding, now)
    guard.alerts.publish(told)
    with suppress(LedgerConflict):
        guard.ledger.write(entry(change, Kind.VERDICT, {"outcome": finding.outcome, "reason": reason}))
    guard.ledger.settle(change.key_arn, finding, now)


def verdict_entry(evidence: Evidence, judged: Verdict, decision: Decision, carried: Verdict | None) -> Entry:
    """The ledger's entry for a new finding."""
    facts = {
        "outcome": judged.outcome.value,
        "perimeter": evidence.perimeter.name,
        "policy_hash": fingerprint(evidence.policy),
        "policy": evidence.policy,
        "verdict": json.dumps(judged.to_json()),
        "decision": decision.kind.value,
        "reason": decision.reason,
    }
    exposed = {"exposed_policy": str(evidence.change.policy)} if carried else {}
    return entry(evidence.change, Kind.VERDICT, facts | exposed)


def entry(change: KeyChange, kind: Kind, facts: Mapping[str, str]) -> Entry:
    """An entry of the ledger about a key, caused by a change."""
    origin = {"event": change.event_name, "source_ip": change.source_ip, "vpc_endpoint_id": change.vpc_endpoint_id}
    known = {name: value for name, value in origin.items() if value}
    return Entry(change.key_arn, change.time, change.event_id, kind, change.actor, {**known, **facts})
