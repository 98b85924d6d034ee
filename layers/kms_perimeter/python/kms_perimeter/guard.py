"""Gather, judge, decide, apply: what happens to one key that changed or was swept.

The event is a hint and the live policy is the truth: a key is judged by what `GetKeyPolicy` gives now. Every step may
run twice, so effects come first and the ledger settles them last: a run that dies in between is done again as a whole.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kms_perimeter import cloudtrail, sweep, verdict
from kms_perimeter.cloudtrail import Ignored
from kms_perimeter.decision import Decision, DecisionKind, History, decide
from kms_perimeter.errors import AccessIsDenied, LedgerConflict
from kms_perimeter.evidence import NO_PERIMETER, Evidence, Guard, Report, gather, report_on
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.order import Order
from kms_perimeter.telling import announcement, tell_unreadable, tell_unwatched, verdict_entry
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.aws.ledger import Finding, State
    from kms_perimeter.cloudtrail import KeyChange


def work(guard: Guard, body: str) -> Iterator[Report]:
    """Works on one message of the changes queue: an event, or some keys of a sweep.

    Each key is worked on by itself. If one of them fails, the others are done first and then the whole message comes
    again: for a key that is settled that costs three calls and tells nobody anything.

    Raises:
        Exception: whatever kept the first failing key from being worked on; SQS then delivers the message again.
    """
    failures: list[Exception] = []
    for change in _changes(body):
        if isinstance(change, Report):
            yield change
            continue
        try:
            yield examine(guard, change)
        except Exception as failure:  # noqa: BLE001 - raised below, when the other keys are done
            failure.add_note(f"key {change.key_arn}, cause {change.event_id}")
            failures.append(failure)
    if failures:
        failures[0].add_note(f"{len(failures)} keys of this message could not be worked on")
        raise failures[0]


def examine(guard: Guard, change: KeyChange) -> Report:
    """Looks at one key: gather, judge, decide, apply.

    Somebody who creates, names and tags a key causes several events within a second. The run that takes a new finding
    first does the work; the others leave it to that one, whose own message comes again if it dies.
    """
    try:
        evidence = gather(guard, change)
    except AccessIsDenied as refusal:
        return tell_unreadable(guard, change, refusal)
    if isinstance(evidence, Report):
        return tell_unwatched(guard, change) if evidence.reason == NO_PERIMETER else evidence
    judged = evidence.judge()
    finding = evidence.finding(judged)
    state = guard.ledger.observe(change.key_arn, finding, evidence.read_at)
    carried = exposure(guard, evidence, judged)
    if carried is None and _nothing_new(finding, state):
        return report_on(change, "quiet", "nothing new", judged)
    decision = weigh(guard, evidence, judged, state, carried)
    try:
        apply(guard, evidence, judged, decision, state, carried)
    except LedgerConflict:
        if carried:  # the story of an exposure is this event's alone
            raise
        return report_on(change, "deferred", "another run is at the same finding", judged)
    return report_on(change, decision.kind.value, decision.reason, judged)


def exposure(guard: Guard, evidence: Evidence, judged: Verdict) -> Verdict | None:
    """The verdict on the policy that the event carries, if that one escaped and the live one is another.

    None too if the same event has told its story already: CloudTrail and EventBridge may deliver it again, long after
    the guard has closed the key.
    """
    change = evidence.change
    if change.policy is None or judged.outcome is Outcome.ESCAPES:
        return None
    if fingerprint(change.policy) == fingerprint(evidence.policy):
        return None
    carried = verdict.judge(change.policy, evidence.key, evidence.perimeter)
    if carried.outcome is not Outcome.ESCAPES:
        return None
    return None if guard.ledger.of_cause(change.key_arn, change.time, change.event_id) else carried


def weigh(guard: Guard, evidence: Evidence, judged: Verdict, state: State, carried: Verdict | None = None) -> Decision:
    """Decides, with what the ledger and the perimeter file know about the key."""
    now = guard.now()
    settled = state.settled
    history = History(
        last_outcome=settled.outcome if settled else None,
        last_policy_hash=settled.fingerprint if settled else None,
        same_policy_alerted=settled == evidence.finding(judged),
        recent_remediations=state.remediations_since(now - guard.settings.contested_window),
        contested=state.contested_since is not None,
    )
    return decide(
        judged,
        evidence.perimeter,
        exception=guard.perimeters.exception_for(evidence.live.arn, now.date()),
        history=history,
        carried=carried,
        contested_after=guard.settings.contested_after,
    )


def apply(
    guard: Guard,
    evidence: Evidence,
    judged: Verdict,
    decision: Decision,
    state: State,
    carried: Verdict | None = None,
) -> None:
    """Does what was decided: tells, orders, records; in this order, and the ledger's settling last."""
    key_arn, finding = evidence.change.key_arn, evidence.finding(judged)
    news = state.settled != finding or carried is not None or decision.kind is DecisionKind.CONTESTED
    if news and decision.kind is not DecisionKind.IGNORE:
        guard.ledger.claim(key_arn, finding, guard.now())
        guard.alerts.publish(announcement(guard, evidence, judged, decision, state, carried))
    if decision.kind is DecisionKind.REMEDIATE and guard.remediations:
        order = Order(evidence.change, finding.fingerprint)
        guard.remediations.send_in_order(order.to_json(), group=key_arn, once=order.once)
    mark_contest(guard, key_arn, judged, decision, state)
    if news:
        with suppress(LedgerConflict):  # the same cause has found the same before
            guard.ledger.write(verdict_entry(evidence, judged, decision, carried))
        guard.ledger.settle(key_arn, finding, evidence.read_at)


def mark_contest(guard: Guard, key_arn: str, judged: Verdict, decision: Decision, state: State) -> None:
    """Marks a key that the guard gives up, and takes the mark off one that somebody else has enclosed."""
    if decision.kind is DecisionKind.CONTESTED:
        guard.ledger.contest(key_arn, guard.now())
    elif state.contested_since and judged.outcome is Outcome.ENCLOSED:
        guard.ledger.release(key_arn)


def _changes(body: str) -> Iterator[KeyChange | Report]:
    try:
        record: Any = json.loads(body)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        yield Report("ignored", "not-an-event")
        return
    swept = sweep.read(record)
    for change in (cloudtrail.read(record),) if swept is None else swept:
        if isinstance(change, Ignored):
            yield Report("ignored", change.reason.value, cause=change.event_id)
        else:
            yield change


def _nothing_new(finding: Finding, state: State) -> bool:
    """Whether there is nothing to do, nor to tell.

    An escape that was told may still be waiting for its remediation. A policy that the guard has planned is the guard's
    own doing, and the remediation tells of it: its event may come round before the remediation has settled it.
    """
    own = finding.outcome == Outcome.ENCLOSED and finding.fingerprint == state.planned
    if own and state.contested_since is None:
        return True
    return state.settled == finding and finding.outcome != Outcome.ESCAPES
