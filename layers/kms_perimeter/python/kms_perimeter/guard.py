"""Gather, judge, decide, apply: what happens to one key that changed or was swept.

The event is a hint and the live policy is the truth: a key is judged by what `GetKeyPolicy` gives now. Every step may
run twice, so effects come first and the ledger settles them last: a run that dies in between is done again as a whole.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kms_perimeter import cloudtrail, message, sweep, verdict
from kms_perimeter.aws.ledger import Entry, Finding, Kind, State
from kms_perimeter.cloudtrail import Ignored
from kms_perimeter.decision import Decision, DecisionKind, History, decide
from kms_perimeter.errors import AccessIsDenied, KeyIsGone, LedgerConflict
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.message import Matter
from kms_perimeter.order import Order
from kms_perimeter.perimeter import Mode
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from kms_perimeter.aws.kms import Keys, LiveKey
    from kms_perimeter.aws.ledger import Ledger
    from kms_perimeter.aws.queues import Queue
    from kms_perimeter.aws.topic import Topic
    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.message import Message
    from kms_perimeter.perimeter import Perimeter, PerimeterFile
    from kms_perimeter.policy.key import Key
    from kms_perimeter.settings import Settings
    from kms_perimeter.verdict import Verdict

UNREADABLE = "unreadable"  # stands where the outcome of a verdict would
DYING = ("PendingDeletion", "PendingReplicaDeletion")
BY_CAUTION = (Mode.ALERT, Mode.APPROVE, Mode.ENFORCE)


@dataclass(frozen=True, slots=True)
class Guard:
    """What the guard works with.

    Attributes:
        settings: what the deployment decided.
        perimeters: the perimeter file.
        keys: the keys of the account and Region.
        ledger: the ledger.
        alerts: where alerts go.
        remediations: where keys to be fixed wait, or None where remediation is not deployed.
        now: the clock, in UTC.
        pause: waits for so many seconds.
    """

    settings: Settings
    perimeters: PerimeterFile
    keys: Keys
    ledger: Ledger
    alerts: Topic
    remediations: Queue | None
    now: Callable[[], datetime]
    pause: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was done about one change, for the log and the metrics.

    Attributes:
        done: one fixed word: ``ignored``, ``quiet``, ``unreadable``, ``deferred``, or what was decided or done.
        reason: for ``ignored`` a fixed word too, else a clause for a person.
        key_arn: the key, where it is known.
        cause: ID of the event or the sweep, where it is known.
        outcome: of the verdict, where there is one.
    """

    done: str
    reason: str
    key_arn: str = ""
    cause: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A key as it is now, what it must keep to, and what was found.

    Attributes:
        change: why the guard looks.
        live: the key.
        policy: its policy.
        perimeter: the perimeter that it is under, with the mode that the deployment allows.
        read_at: when the policy was read.
    """

    change: KeyChange
    live: LiveKey
    policy: str
    perimeter: Perimeter
    read_at: datetime

    @property
    def key(self) -> Key:
        """The key, as far as its policy's meaning depends on it."""
        return self.live.key

    def judge(self) -> Verdict:
        """The verdict on the live policy."""
        return verdict.judge(self.policy, self.key, self.perimeter)

    def finding(self, judged: Verdict) -> Finding:
        """The verdict as the ledger compares it."""
        return Finding(judged.outcome.value, fingerprint(self.policy), self.perimeter.name)


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
        return evidence
    judged = evidence.judge()
    finding = evidence.finding(judged)
    state = guard.ledger.observe(change.key_arn, finding, evidence.read_at)
    carried = exposure(guard, evidence, judged)
    if carried is None and _nothing_new(finding, state):
        return _report(change, "quiet", "nothing new", judged)
    decision = weigh(guard, evidence, judged, state, carried)
    try:
        apply(guard, evidence, judged, decision, state, carried)
    except LedgerConflict:
        if carried:  # the story of an exposure is this event's alone
            raise
        return _report(change, "deferred", "another run is at the same finding", judged)
    return _report(change, decision.kind.value, decision.reason, judged)


def gather(guard: Guard, change: KeyChange) -> Evidence | Report:
    """Reads the key as it is now, or says why it is none of the guard's business.

    Raises:
        AccessIsDenied: the key or its policy cannot be read.
    """
    if change.account != guard.settings.guarded_account:
        return _report(change, "ignored", "another-account")
    if change.region != guard.keys.region:
        return _report(change, "ignored", "another-region")
    try:
        live = guard.keys.describe(change.key_arn)
        if reason := _none_of_ours(live):
            return _report(change, "ignored", reason)
        live = replace(live, key=_with_what_the_perimeters_ask(guard, live.key))
        applies = guard.perimeters.perimeter_for(live.key)
        if applies is None:
            return _report(change, "ignored", "no-perimeter")
        read_at = guard.now()
        policy = guard.keys.policy(change.key_arn)
    except KeyIsGone:
        return _report(change, "ignored", "key-gone")
    return Evidence(change, live, policy, restrained(applies, guard.settings.mode), read_at)


def restrained(applies: Perimeter, most: Mode) -> Perimeter:
    """The perimeter with the more cautious of its own mode and the deployment's."""
    return replace(applies, mode=min(applies.mode, most, key=BY_CAUTION.index))


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
    finding, now = Finding(UNREADABLE, "", ""), guard.now()
    if guard.ledger.observe(change.key_arn, finding, now).settled != finding:
        guard.ledger.claim(change.key_arn, finding, now)
        cause = None if change.event_name == sweep.SWEEP else change
        guard.alerts.publish(message.unreadable(change.key_arn, reason=str(refusal), change=cause))
        with suppress(LedgerConflict):
            guard.ledger.write(entry(change, Kind.VERDICT, {"outcome": UNREADABLE, "reason": str(refusal)}))
        guard.ledger.settle(change.key_arn, finding, now)
    return Report(UNREADABLE, str(refusal), change.key_arn, change.event_id)


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


def _none_of_ours(live: LiveKey) -> str | None:
    if live.manager == "AWS":
        return "aws-managed-key"
    return "pending-deletion" if live.state in DYING else None


def _with_what_the_perimeters_ask(guard: Guard, key: Key) -> Key:
    """Tags and aliases cost a call each, so they are read only if some perimeter goes by them."""
    if guard.perimeters.needs_tags:
        key = guard.keys.with_tags(key)
    if guard.perimeters.needs_aliases:
        key = guard.keys.with_aliases(key)
    return key


def _report(change: KeyChange, done: str, reason: str, judged: Verdict | None = None) -> Report:
    return Report(done, reason, change.key_arn, change.event_id, judged.outcome.value if judged else "")
