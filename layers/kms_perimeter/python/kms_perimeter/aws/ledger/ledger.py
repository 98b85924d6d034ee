"""The ledger itself: what may be asked of it and what may be noted in it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from kms_perimeter.aws.ledger.entry import Entry, Kind, cause_of, text_of
from kms_perimeter.aws.ledger.state import NEWEST, STATE, Finding, Settlement, State, counted
from kms_perimeter.aws.ledger.table import Change, Table
from kms_perimeter.errors import LedgerConflict
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import date

    from mypy_boto3_dynamodb import DynamoDBClient

    from kms_perimeter.perimeter import PolicyException

# A claim lasts for as long as the function that made it can run; then its maker is dead and the work is free again.
CLAIM = timedelta(minutes=2)

FREE = "(attribute_not_exists(claim) OR claim <> :claim OR claimed_at < :stale OR claimed_by = :claimed_by)"
# The same time is this very call, which botocore has repeated.
UNMARKED = "(attribute_not_exists(contested_since) OR contested_since IN (:nothing, :contested_since))"

# One item for each window of time in which there were alerts: how many. DynamoDB forgets it when nobody asks any more.
ALERTS = "alerts"
COUNTED_FOR = timedelta(days=1)


class Ledger:
    """The ledger's table."""

    def __init__(self, client: DynamoDBClient, table: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._table = Table(client, table, pause)

    def observe(self, key_arn: str, finding: Finding, now: datetime) -> State:
        """Notes that the key was looked at, and returns the state before. One call, the only one for a quiet key."""
        return State.from_item(self._set(key_arn, _seen(finding, now)))

    def take(self, key_arn: str, finding: Finding, now: datetime) -> tuple[State, bool]:
        """`observe` and `claim` in one call: the state before, and whether the work on the finding is this run's.

        If it is not, another run may be at it, or one that had nothing to do has just seen the same, or what was found
        later is settled already.
        """
        noted = _seen(finding, now) | _claim(finding, now)
        times = {"stale": text_of(now - CLAIM), "settled_at": text_of(now)}
        try:
            return State.from_item(self._set(key_arn, noted, only_if=f"{FREE} AND {NEWEST}", **times)), True
        except LedgerConflict:
            return self.observe(key_arn, finding, now), False

    def state(self, key_arn: str) -> State:
        """The key's state; an empty one for a key never seen before."""
        return State.from_item(self._table.get(key_arn, STATE))

    def state_and_entry(self, key_arn: str, sort_key: str) -> tuple[State, Entry | None]:
        """The key's state and one of its entries, if there is that; in one call."""
        found = {item["entry"]: item for item in self._table.get_many([(key_arn, STATE), (key_arn, sort_key)])}
        entry = Entry.from_item(found[sort_key]) if sort_key in found else None
        return State.from_item(found.get(STATE, {})), entry

    def done_since(self, key_arns: Collection[str], since: datetime) -> Mapping[str, str]:
        """Those of these keys, at most 100, that were looked at since then and all about it is done, with the outcome.

        One call for all of them.
        """
        items = self._table.get_many((key_arn, STATE) for key_arn in key_arns)
        return {item["key_arn"]: item["settled_outcome"] for item in items if _is_done(item, since)}

    def claim(self, key_arn: str, finding: Finding, now: datetime, read_at: datetime | None = None) -> None:
        """Takes the work on a new finding for this run, which has read it just now or at `read_at`.

        Raises:
            LedgerConflict: another run is at the same finding right now, or what was read later is settled already; try
                again later and find it settled.
        """
        times = {"stale": text_of(now - CLAIM), "settled_at": text_of(read_at or now)}
        self._set(key_arn, _claim(finding, now), only_if=f"{FREE} AND {NEWEST}", **times)

    def settle(self, key_arn: str, settled: Settlement) -> State:
        """Notes that all about a finding is done, and returns the state before.

        An older finding does not overwrite a newer one.
        """
        try:
            return State.from_item(self._set(key_arn, settled.attributes(), only_if=NEWEST))
        except LedgerConflict:
            times = settled.remediated_at
            return self.remediated(key_arn, times) if times else self.state(key_arn)

    def conclude(self, entry: Entry, settled: Settlement, *, seen: Collection[str] | None = None) -> None:
        """Writes an entry and settles what it is about, in one call.

        Args:
            entry: the entry.
            settled: the settlement.
            seen: fingerprints: only if no look at the key has found another policy since the guard has planned.

        Raises:
            LedgerConflict: nothing is done, since the entry is there already, something newer is settled, or the key
                has been seen with another policy.
        """
        only_if, also = NEWEST, {}
        if seen is not None:
            also = {f"seen{number}": each for number, each in enumerate(("", *seen))}
            known = ", ".join(f":{name}" for name in also)
            only_if += f" AND (attribute_not_exists(seen_at) OR seen_fingerprint IN ({known}) OR seen_at < planned_at)"
        self._table.write_together([entry.to_item()], _settling(entry.key_arn, settled, only_if, also))

    def record(self, entry: Entry, settled: Settlement, before: State | None = None) -> bool:
        """Writes an entry and settles what it is about; what an earlier run has done already is left as it is.

        Args:
            entry: the entry.
            settled: the settlement.
            before: what the ledger knew of the key when this run looked, and went by: nothing may have been settled
                since.

        Returns:
            Whether it is settled now; if not, another run has settled something meanwhile.

        Raises:
            LedgerConflict: the key was to be given up, and has been given up by another run.
        """
        only_if, also = _unchanged_since(before) if before else (NEWEST, {})
        marked = (f"{only_if} AND {UNMARKED}", {**also, "nothing": ""}) if settled.contested_at else (only_if, also)
        try:
            self._table.write_together([entry.to_item()], _settling(entry.key_arn, settled, *marked))
        except LedgerConflict:
            if settled.contested_at:
                self.contest(entry.key_arn, settled.contested_at)
            with suppress(LedgerConflict):  # the same cause has found the same before
                self.write(entry)
            try:
                self._set(entry.key_arn, replace(settled, contested_at=None).attributes(), only_if, **also)
            except LedgerConflict:
                return False
        return True

    def remediated(self, key_arn: str, times: tuple[datetime, ...]) -> State:
        """Notes when the guard has changed the key, and returns the state before.

        The FIFO group sees to it that no two runs do so at once.
        """
        return State.from_item(self._set(key_arn, counted(times)))

    def remind(self, key_arn: str, last: datetime, now: datetime) -> None:
        """Notes that people were reminded of an open key.

        Raises:
            LedgerConflict: another run has noted so since `last`.
        """
        self._set(key_arn, {"told_at": text_of(now)}, only_if="told_at = :last", last=text_of(last))

    def warn(self, key_arn: str, day: date) -> None:
        """Notes that people were reminded of the day on which the key's exception ends."""
        self._set(key_arn, {"warned": day.isoformat()})

    def contest(self, key_arn: str, now: datetime) -> None:
        """Marks the key as contested.

        Raises:
            LedgerConflict: it is marked already.
        """
        self._set(key_arn, {"contested_since": text_of(now)}, only_if=UNMARKED, nothing="")

    def release(self, key_arn: str) -> None:
        """Takes the mark `contested` off the key, and forgets what it was put there for."""
        self._set(key_arn, {"contested_since": "", "remediated_at": []})

    def except_(self, key_arn: str, exception: PolicyException | None) -> None:
        """Registers an exception for the key in place of an earlier one, or with None ends it."""
        self._set(
            key_arn,
            {
                "excepted_until": exception.expires.isoformat() if exception else "",
                "excepted_reason": exception.reason if exception else "",
                "excepted_owner": exception.owner if exception else "",
            },
        )

    def refuse(self, key_arn: str, fingerprint: str) -> None:
        """Notes that people have been told that this policy of the key cannot be remediated."""
        self._set(key_arn, {"refused": fingerprint})

    def plan(self, key_arn: str, fingerprint: str, now: datetime) -> None:
        """Notes which policy the guard is about to put, so that its own event is known when it comes round."""
        self._set(key_arn, _planned(fingerprint, now))

    def save(self, planned: Entry, fingerprint: str, now: datetime) -> None:
        """Writes the entry of a plan, with the policy that is about to be replaced, and notes the plan as `plan` does.

        What an earlier run has saved is left as it is.
        """
        try:
            change = Change(planned.key_arn, STATE, _planned(fingerprint, now))
            self._table.write_together([planned.to_item()], change)
        except LedgerConflict:
            self.plan(planned.key_arn, fingerprint, now)

    def count_alerts(self, window: datetime, more: int = 1) -> int:
        """Counts alerts, and returns how many there have been in the window of time that begins then."""
        forgotten = int((window + COUNTED_FOR).timestamp())
        return self._table.count(ALERTS, f"window/{text_of(window)}", "alerts", more, forgotten)

    def write(self, entry: Entry) -> None:
        """Writes an entry for good.

        Raises:
            LedgerConflict: the entry is there already, from an earlier run of the same work.
        """
        self._table.put_once(entry.to_item())

    def of_cause(self, key_arn: str, at: datetime, cause: str) -> tuple[Entry, ...]:
        """What this cause has already written about this key, in the order of the steps."""
        items = self._table.query(
            "key_arn = :key AND begins_with(entry, :cause)", key=key_arn, cause=cause_of(at, cause)
        )
        return tuple(map(Entry.from_item, items))

    def entries(self, key_arn: str, *, newest_first: bool = True) -> Iterator[Entry]:
        """The key's entries."""
        items = self._table.query(
            "key_arn = :key AND entry < :state", newest_first=newest_first, key=key_arn, state=STATE
        )
        yield from map(Entry.from_item, items)

    def of_day(self, day: date) -> Iterator[Entry]:
        """What happened to any key on a day (UTC), oldest first: without the policies, which `entry` has."""
        yield from map(Entry.from_item, self._table.of_day(day.isoformat()))

    def last_enclosed(self, key_arn: str) -> str | None:
        """The last policy of the key that was judged to be enclosed, or None."""
        policies = (
            entry.facts.get("after" if entry.kind is Kind.REMEDIATED else "policy")
            for entry in self.entries(key_arn)
            if entry.facts.get("outcome") == Outcome.ENCLOSED
        )
        return next((policy for policy in policies if policy), None)

    def keys(self) -> Iterator[tuple[str, State]]:
        """Every key that the ledger knows, with its state."""
        yield from ((item["key_arn"], State.from_item(item)) for item in self._table.scan(STATE))

    def _set(
        self, key_arn: str, attributes: Mapping[str, Any], only_if: str | None = None, **also: str
    ) -> dict[str, Any]:
        return self._table.set(key_arn, STATE, attributes, only_if, **also)


def _seen(finding: Finding, now: datetime) -> dict[str, Any]:
    return {
        "seen_outcome": finding.outcome,
        "seen_fingerprint": finding.fingerprint,
        "seen_perimeter": finding.perimeter,
        "seen_at": text_of(now),
    }


def _claim(finding: Finding, now: datetime) -> dict[str, Any]:
    """A claim of this call, which botocore repeats as it is if the answer gets lost: that must not be refused."""
    what = f"{finding.outcome}#{finding.fingerprint}#{finding.perimeter}"
    return {"claim": what, "claimed_at": text_of(now), "claimed_by": uuid4().hex}


def _settling(key_arn: str, settled: Settlement, only_if: str, also: Mapping[str, str]) -> Change:
    return Change(key_arn, STATE, settled.attributes(), only_if, also)


def _unchanged_since(before: State) -> tuple[str, dict[str, str]]:
    """The condition that nothing was settled since then, unless by this very call, which botocore has repeated."""
    if before.settled_at is None:
        return "(attribute_not_exists(settled_at) OR settled_at = :settled_at)", {}
    same = "(settled_at = :since OR settled_at = :settled_at)"
    return f"{NEWEST} AND {same}", {"since": text_of(before.settled_at)}


def _planned(fingerprint: str, now: datetime) -> dict[str, Any]:
    return {"planned": fingerprint, "planned_at": text_of(now)}


def _is_done(item: Mapping[str, Any], since: datetime) -> bool:
    if "seen_at" not in item or datetime.fromisoformat(item["seen_at"]) < since:
        return False
    return all(item[f"seen_{what}"] == item.get(f"settled_{what}") for what in ("outcome", "fingerprint", "perimeter"))
