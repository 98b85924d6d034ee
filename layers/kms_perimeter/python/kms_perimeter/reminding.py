"""What is known and still so: a key that stays open is told about again each day, an exception before its last day."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from kms_perimeter import message, wording
from kms_perimeter.decision import Decision, severity_of
from kms_perimeter.errors import LedgerConflict
from kms_perimeter.message import Notice
from kms_perimeter.telling import matter
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from kms_perimeter.case import Case
    from kms_perimeter.evidence import Guard
    from kms_perimeter.perimeter import PolicyException

AGAIN_AFTER = timedelta(days=1)
BEFORE_THE_END = timedelta(days=7)


def exception_for(guard: Guard, case: Case) -> PolicyException | None:
    """The exception for the key that has not expired: of the perimeter file, or one that a person has registered."""
    return guard.perimeters.exception_for(case.evidence.live.arn, guard.now().date(), case.state.exception)


def remind(guard: Guard, case: Case, decision: Decision, *, news: bool) -> None:
    """Reminds people of a key that is still open, and of an exception that ends soon."""
    if case.judged.outcome is Outcome.ENCLOSED:
        return
    if decision.excepted:
        _warn(guard, case)
    elif not news:
        _again(guard, case)


def _warn(guard: Guard, case: Case) -> None:
    exception = exception_for(guard, case)
    if exception is None or exception.expires - guard.now().date() > BEFORE_THE_END:
        return
    if case.state.warned != exception.expires.isoformat():
        guard.alerts.publish(message.exception_ends(matter(guard, case), exception))
        guard.ledger.warn(case.key_arn, exception.expires)


def _again(guard: Guard, case: Case) -> None:
    last, now = case.state.told_at, guard.now()
    if last is None or now - last < AGAIN_AFTER:
        return
    guard.alerts.wait(_notice(case, now.date().isoformat()))
    with suppress(LedgerConflict):  # another run has done it too: the digest counts a notice once
        guard.ledger.remind(case.key_arn, last, now)


def _notice(case: Case, day: str) -> Notice:
    opening = case.state.opening
    since = f" since {wording.at(opening.at)}" if opening else ""
    return Notice(
        kind=message.STILL_OPEN,
        severity=severity_of(case.judged).value,
        key=case.key_arn,
        verdict=case.judged.outcome.value,
        headline=f"{wording.key_id(case.key_arn)}{since}",
        dedup_key=f"{message.STILL_OPEN}/{case.key_arn}/{day}",
    )
