"""Approval: a plan is put to a person, who says yes, or answers for the key until a day.

An answer is for one policy of one key. If the live policy is another by now, the plan is stale: nothing is done, and
the key is looked at again, so that a new plan is asked about. A question is answered once. The same answer by the same
person is carried out again, since the run that carried it out may have died.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kms_perimeter.aws.ledger import Ask, Entry, Kind
from kms_perimeter.errors import AlreadyAnswered, LedgerConflict, StalePlan, UnusableDay
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.order import Order
from kms_perimeter.perimeter import PolicyException
from kms_perimeter.sweep import SweepBatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from kms_perimeter.aws.kms import Keys
    from kms_perimeter.aws.ledger import Asks, Ledger
    from kms_perimeter.aws.queues import Queue
    from kms_perimeter.evidence import Evidence
    from kms_perimeter.remedy import Plan

APPROVED, IGNORED = "approved", "ignored"
LONGEST = timedelta(days=90)
"""For how long somebody may answer for a key by a click. For longer there is the perimeter file, which is reviewed."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What answers are worked on with.

    Attributes:
        asks: the questions.
        ledger: the ledger.
        keys: the keys of the account and Region.
        remediations: where keys to be fixed wait.
        changes: where keys to be looked at wait.
        now: the clock, in UTC.
    """

    asks: Asks
    ledger: Ledger
    keys: Keys
    remediations: Queue
    changes: Queue
    now: Callable[[], datetime]


def ask_about(evidence: Evidence, plan: Plan, now: datetime) -> Ask:
    """The question whether a plan may be carried out."""
    change = evidence.change
    policy_hash = fingerprint(evidence.policy)
    asked = f"{change.key_arn}#{change.event_id}#{policy_hash}#{fingerprint(plan.policy)}"
    return Ask(
        id=hashlib.sha256(asked.encode()).hexdigest()[:12],
        key_arn=change.key_arn,
        policy_hash=policy_hash,
        change={**change.to_json(), "policy": None},
        diff=plan.diff,
        plan={"policy": plan.policy, "strategy": plan.strategy.value, "verdict": plan.verdict.outcome.value},
        asked_at=now.isoformat(),
    )


def approve(desk: Desk, ask_id: str, by: str) -> Ask:
    """Says yes: orders the remediation. The order plans again and proves again before it touches anything.

    Args:
        desk: what answers are worked on with.
        ask_id: the question.
        by: who says yes.

    Raises:
        NoSuchAsk: there is no such question.
        AlreadyAnswered: somebody has answered it.
        StalePlan: the live policy is another by now.
        KmsRefusal: the key cannot be read.
    """
    ask = _open(desk, ask_id)
    at = _answer(desk, ask, APPROVED, by)
    approved = {"approved_by": by, "plan_hash": fingerprint(ask.plan["policy"])}
    order = Order.from_json({"change": ask.change, "policy_hash": ask.policy_hash, **approved})
    _record(desk, ask, Kind.APPROVED, by, at, {"reason": f"approved by {by}"})
    desk.remediations.send_in_order(order.to_json(), group=ask.key_arn, once=order.once)
    return ask


def ignore(desk: Desk, ask_id: str, by: str, until: date, reason: str) -> Ask:
    """Says that somebody answers for the key until a day; it is quiet until then.

    Raises:
        UnusableDay: the day is past, or further away than `LONGEST`.
        NoSuchAsk: there is no such question.
        AlreadyAnswered: somebody has answered it.
        StalePlan: the live policy is another by now.
        KmsRefusal: the key cannot be read.
    """
    check_day(until, desk.now().date())
    ask = _open(desk, ask_id)
    at = _answer(desk, ask, f"{IGNORED} until {until}", by)  # another day is another answer
    _record(desk, ask, Kind.EXCEPTED, by, at, {"reason": reason, "until": until.isoformat()})
    desk.ledger.except_(ask.key_arn, PolicyException(ask.key_arn, reason, by, until))
    return ask


def check_day(until: date, today: date) -> None:
    """Refuses a day until which nobody can answer for a key; today is the first that will do.

    Raises:
        UnusableDay: it is past, or further away than `LONGEST`.
    """
    if until < today:
        raise UnusableDay(f"{until} is past")
    if until > today + LONGEST:
        raise UnusableDay(f"{until} is more than {LONGEST.days} days away; name the key in the perimeter file instead")


def resume(desk: Desk, key_arn: str, by: str, reason: str = "") -> bool:
    """Takes a contested key up again and looks at it at once. Returns whether it was contested.

    A key that is not contested is looked at too: the run before may have died between the two.
    """
    since = desk.ledger.state(key_arn).contested_since
    if since is not None:
        facts = {"reason": reason or f"taken up again by {by}", "contested_since": since.isoformat()}
        _write(desk.ledger, Entry(key_arn, desk.now(), f"resume-{since:%Y%m%dT%H%M%SZ}", Kind.RESUMED, by, facts))
        desk.ledger.release(key_arn)
    _look_again(desk.changes, key_arn, _cause("resume", desk.now()), desk.now())
    return since is not None


def exempt(ledger: Ledger, changes: Queue, exception: PolicyException, by: str, now: datetime) -> None:
    """Registers that somebody answers for a key until a day, though nothing was asked; the key is looked at as such.

    Raises:
        UnusableDay: the day is past, or further away than `LONGEST`.
    """
    check_day(exception.expires, now.date())
    facts = {"reason": exception.reason, "until": exception.expires.isoformat(), "owner": exception.owner}
    _write(ledger, Entry(exception.key, now, _cause("exempt", now), Kind.EXCEPTED, by, facts))
    ledger.except_(exception.key, exception)
    _look_again(changes, exception.key, _cause("exempt", now), now)


def end_exemption(ledger: Ledger, changes: Queue, key_arn: str, by: str, now: datetime) -> bool:
    """Ends such an exception before its day, and has the key looked at. Returns whether there was one."""
    exception = ledger.state(key_arn).exception
    if exception is not None:
        facts = {"reason": f"the exception until {exception.expires} is ended", "owner": exception.owner}
        _write(ledger, Entry(key_arn, now, _cause("exempt", now), Kind.RESUMED, by, facts))
        ledger.except_(key_arn, None)
    _look_again(changes, key_arn, _cause("exempt", now), now)
    return exception is not None


def _look_again(changes: Queue, key_arn: str, cause: str, now: datetime) -> None:
    """Puts a key into the changes queue, so that it is judged as it is now."""
    changes.send_all([SweepBatch(cause, now, (key_arn,)).to_json()])


def _cause(what: str, now: datetime) -> str:
    """An ID for what a person asks for."""
    return f"{what}-{now:%Y%m%dT%H%M%S.%fZ}"


def _open(desk: Desk, ask_id: str) -> Ask:
    """The question, if it is about the policy that the key has."""
    ask = desk.asks.get(ask_id)
    live = fingerprint(desk.keys.policy(ask.key_arn))
    if live == ask.policy_hash:
        return ask
    if ask.answer and live == fingerprint(ask.plan["policy"]):  # and that is why the policy is another
        raise _answered(ask)
    _look_again(desk.changes, ask.key_arn, f"stale-{ask.id}", desk.now())
    stale = f"the policy of `{ask.key_arn}` is another by now; the key is looked at again"
    if ask.answer:  # the run that was to carry it out may have died before
        raise AlreadyAnswered(f"{_answered(ask)}, and {stale}")
    raise StalePlan(stale)


def _answer(desk: Desk, ask: Ask, answer: str, by: str) -> datetime:
    try:
        return desk.asks.answer(ask.id, answer, by, desk.now())
    except LedgerConflict:
        raise _answered(desk.asks.get(ask.id)) from None


def _answered(ask: Ask) -> AlreadyAnswered:
    return AlreadyAnswered(f"`{ask.id}` is {ask.answer} by {ask.answered_by} already")


def _record(desk: Desk, ask: Ask, kind: Kind, by: str, at: datetime, facts: dict[str, str]) -> None:
    told = {**facts, "policy_hash": ask.policy_hash, "ask": ask.id}
    _write(desk.ledger, Entry(ask.key_arn, at, f"ask-{ask.id}", kind, by, told))


def _write(ledger: Ledger, entry: Entry) -> None:
    with suppress(LedgerConflict):  # a run before has got so far, or botocore has repeated this very call
        ledger.write(entry)
