"""Gather, judge, decide, apply: what happens to one key that changed or was swept.

The event is a hint and the live policy is the truth: a key is judged by what `GetKeyPolicy` gives now. Every step may
run twice, so effects come first and the ledger settles them last: a run that dies in between is done again as a whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kms_perimeter import cloudtrail, sweep, verdict
from kms_perimeter.aws.ledger import Kind, Settlement
from kms_perimeter.case import Case, attributed
from kms_perimeter.cloudtrail import Ignored
from kms_perimeter.decision import Decision, DecisionKind, History, decide
from kms_perimeter.errors import AccessIsDenied, LedgerConflict
from kms_perimeter.evidence import NO_PERIMETER, Evidence, Guard, Report, gather, report_on
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.order import Order
from kms_perimeter.overwriting import tell_if_overwritten
from kms_perimeter.planning import must_follow
from kms_perimeter.reminding import exception_for, remind
from kms_perimeter.telling import announce, moved_to, tell_unreadable, tell_unwatched, verdict_entry
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from kms_perimeter.aws.ledger import Entry, Finding, State
    from kms_perimeter.cloudtrail import KeyChange

# An order comes again for half an hour at most; what it has not told by then it never will.
OWN_DOING = timedelta(hours=1)
# Seconds. What reads the key twice is as good as a later look, unless the clocks of two runs differ: by milliseconds.
LOOK_AGAIN_AFTER = (0.0, 0.0, 0.5)


def work(guard: Guard, body: str) -> Iterator[Report]:
    """Works on one message of the changes queue: an event, or some keys of a sweep.

    Each key is worked on by itself. Of a sweep's message, the keys that fail come again in messages of their own, so
    that they do not keep the others; a message about one key comes again as it is.

    Raises:
        Exception: whatever kept the key from being worked on; SQS then delivers the message again.
    """
    failures: list[tuple[KeyChange, Exception]] = []
    changes = tuple(_changes(guard, body))
    for change in changes:
        if isinstance(change, Report):
            yield change
            continue
        try:
            yield examine(guard, change)
        except Exception as failure:  # noqa: BLE001 - raised below, when the other keys are done
            failure.add_note(f"key {change.key_arn}, cause {change.event_id}")
            failures.append((change, failure))
    if failures:
        yield from _postpone(guard, failures, alone=len(changes) == 1)


def _postpone(guard: Guard, failures: list[tuple[KeyChange, Exception]], *, alone: bool) -> Iterator[Report]:
    if alone or guard.changes is None:
        failures[0][1].add_note(f"{len(failures)} keys of this message could not be worked on")
        raise failures[0][1]
    sweep.again(guard.changes, [change for change, _ in failures])
    for change, failure in failures:
        yield report_on(change, "postponed", f"{type(failure).__name__}: {failure}")


def examine(guard: Guard, change: KeyChange) -> Report:
    """Looks at one key: gather, judge, decide, apply.

    Somebody who creates, names and tags a key causes several events within a second. The run that takes a new finding
    first does the work; the others leave it to that one, whose own message comes again if it dies.
    """
    try:
        seen = _look(guard, change)
    except AccessIsDenied as refusal:
        return tell_unreadable(guard, change, refusal)
    if isinstance(seen, Report):
        return tell_unwatched(guard, change) if seen.reason == NO_PERIMETER else seen
    evidence, judged, state, finding = seen.evidence, seen.judged, seen.state, seen.finding
    carried = carried_verdict(guard, evidence, judged)
    lost = tell_if_overwritten(guard, evidence, judged, state)
    if carried is None and _nothing_new(guard, finding, state):
        if not state.contested_since and must_follow(guard, evidence):
            order_fix(guard, change, finding)
            return report_on(change, "follow", "the guard's own statement is of an older perimeter", judged)
        if lost:
            return report_on(change, "overwritten", "the guard may have overwritten the event's policy", judged)
        return report_on(change, "quiet", "nothing new", judged)
    evidence = attributed(evidence, judged, state, lambda: bool(_past(guard, change)))
    case = replace(seen, evidence=evidence, carried=carried)
    report = _settled(guard, case)
    return replace(report, durations={**report.durations, **case.age()})


def _look(guard: Guard, change: KeyChange) -> Case | Report:
    """Reads and judges the key, and notes that in the ledger; once more where a later look is settled already.

    A run may hang between its reading and its note. What it has read was true once, but others have acted since on what
    was true later, and must not be contradicted.

    Raises:
        AccessIsDenied, KeyIsGone: as `gather`.
        LedgerConflict: others have been quicker each time.
    """
    for seconds in LOOK_AGAIN_AFTER:
        guard.pause(seconds)
        evidence = gather(guard, change)
        if isinstance(evidence, Report):
            return evidence
        judged = evidence.judge()
        state, claimed = _observe(guard, change, evidence.finding(judged), evidence.read_at)
        if state.settled_at is None or state.settled_at <= evidence.read_at:
            return Case(evidence, judged, state, claimed=claimed)
    raise LedgerConflict("what a later look has found is settled already, each time")


def _observe(guard: Guard, change: KeyChange, finding: Finding, read_at: datetime) -> tuple[State, bool]:
    """Notes the look; of a key that is not enclosed, which is news as a rule, the work is claimed with it."""
    if finding.outcome == Outcome.ENCLOSED:
        return guard.ledger.observe(change.key_arn, finding, read_at), False
    return guard.ledger.take(change.key_arn, finding, read_at)


def _settled(guard: Guard, case: Case) -> Report:
    change, judged = case.evidence.change, case.judged
    decision = weigh(guard, case)
    try:
        applied = apply(guard, case, decision)
    except LedgerConflict:
        # The story of an exposure is this event's alone. Where the finding is settled, the claim may be that of a run
        # which had nothing to do: nobody else can be relied on then.
        if case.carried or case.state.settled == case.finding:
            raise
        return report_on(change, "deferred", "another run is at the same finding", judged)
    if applied.overtaken and (report := _settled_anew(guard, case, decision)):
        return report
    if not applied.news and decision.kind is DecisionKind.IGNORE:
        return report_on(change, "quiet", decision.reason, judged)
    exposed = case.exposure().seconds if decision.closes_exposure else None
    return report_on(change, decision.kind.value, decision.reason, judged, exposed)


def _settled_anew(guard: Guard, case: Case, decision: Decision) -> Report | None:
    """What becomes of a key about which another run has settled something else while this one was at work.

    Neither knew of the other. Had this run nothing to tell, it looks again, and now knows what people were told. Has it
    told something that the other, with nothing to tell, has found to be over, then that is told now, as if this run had
    been in time. None if there is nothing to add.
    """
    seen = _look(guard, case.evidence.change)
    if isinstance(seen, Report):
        return None
    if decision.kind is DecisionKind.IGNORE:
        return _settled(guard, seen)
    if seen.state.told or seen.finding == case.finding:
        return None
    state = replace(seen.state, settled=case.finding, told=True, opening=case.opening())
    return _settled(guard, replace(seen, state=state))


def carried_verdict(guard: Guard, evidence: Evidence, judged: Verdict) -> Verdict | None:
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
    return None if _past(guard, change) else carried


def _past(guard: Guard, change: KeyChange) -> list[Entry]:
    """What the ledger has of an event that was worked on before; that it was overwritten is another story."""
    entries = guard.ledger.of_cause(change.key_arn, change.time, change.event_id)
    return [past for past in entries if past.kind is not Kind.OVERWRITTEN]


def weigh(guard: Guard, case: Case) -> Decision:
    """Decides, with what the ledger and the perimeter file know about the key."""
    now, state = guard.now(), case.state
    history = History(
        told=state.told and state.settled == case.finding,
        was_open=state.told and state.settled is not None and state.settled.outcome != Outcome.ENCLOSED,
        recent_remediations=state.remediations_since(now - guard.settings.contested_window),
        contested=state.contested_since is not None,
    )
    return decide(
        case.judged,
        case.evidence.perimeter,
        exception=exception_for(guard, case),
        history=history,
        carried=case.carried,
        owned_by=case.evidence.owned_by,
        contested_after=guard.settings.contested_after,
    )


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a decision.

    Attributes:
        news: there was something new to tell or to record.
        overtaken: another run has settled something since this one has looked, so this one's finding is not settled.
    """

    news: bool
    overtaken: bool = False


def apply(guard: Guard, case: Case, decision: Decision) -> Applied:
    """Does what was decided: tells, orders, records; in this order, and the ledger's settling last."""
    finding, state = case.finding, case.state
    tells = decision.kind is not DecisionKind.IGNORE
    contested = decision.kind is DecisionKind.CONTESTED
    news = state.settled != finding or case.carried is not None or contested or (tells and not state.told)
    moved = moved_to(guard, case)
    if news and (tells or moved) and not case.claimed:
        guard.ledger.claim(case.key_arn, finding, guard.now(), case.evidence.read_at)
    if moved:
        guard.alerts.publish(moved)
    reserved = announce(guard, case, decision) if news and tells else False
    if decision.kind is DecisionKind.REMEDIATE:
        order_fix(guard, case.evidence.change, finding)
    if state.contested_since and case.judged.outcome is Outcome.ENCLOSED:  # by somebody else
        guard.ledger.release(case.key_arn)
    overtaken = False
    if news:
        contested_at = guard.now() if contested else None
        settled = Settlement(finding, case.evidence.read_at, tells, case.opening(), contested_at=contested_at)
        overtaken = not guard.ledger.record(verdict_entry(case, decision, reserved=reserved), settled, state)
    remind(guard, case, decision, news=news)
    return Applied(news, overtaken)


def order_fix(guard: Guard, change: KeyChange, finding: Finding) -> None:
    """Orders the key's policy to be changed, by the function that may."""
    if guard.remediations:
        order = Order(change, finding.fingerprint)
        guard.remediations.send_in_order(order.to_json(), group=change.key_arn, once=order.once)


def _changes(guard: Guard, body: str) -> Iterator[KeyChange | Report]:
    try:
        record: Any = json.loads(body)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        yield Report("ignored", "not-an-event")
        return
    swept = sweep.read(record)
    if swept is not None:
        yield from _still_to_look_at(guard, swept)
        return
    change = cloudtrail.read(record)
    yield Report("ignored", change.reason.value, cause=change.event_id) if isinstance(change, Ignored) else change


def _still_to_look_at(guard: Guard, swept: tuple[KeyChange, ...]) -> Iterator[KeyChange | Report]:
    """A sweep's message may come twice; a key that was looked at since the sweep began is done."""
    done = guard.ledger.done_since([change.key_arn for change in swept], swept[0].time) if swept else {}
    for change in swept:
        if outcome := done.get(change.key_arn):
            yield replace(report_on(change, "quiet", "looked at since the sweep began"), outcome=outcome)
        else:
            yield change


def _nothing_new(guard: Guard, finding: Finding, state: State) -> bool:
    """Whether there is nothing to do, nor to tell: the key is enclosed, and that is known.

    A policy that the guard has planned is the guard's own doing, and the remediation tells of it: its event may come
    round before the remediation has settled it.
    """
    if finding.outcome != Outcome.ENCLOSED:
        return False
    recent = state.planned_at is not None and guard.now() - state.planned_at < OWN_DOING
    own = finding.fingerprint == state.planned and recent and state.contested_since is None
    return own or state.settled == finding
