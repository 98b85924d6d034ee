"""Gathering: a key as it is now, and what it must keep to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from kms_perimeter import verdict
from kms_perimeter.aws.ledger import Finding
from kms_perimeter.errors import KeyIsGone, KeyIsNotSavedYet
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.perimeter import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from kms_perimeter.aws.kms import Keys, LiveKey
    from kms_perimeter.aws.ledger import Asks, Ledger
    from kms_perimeter.aws.queues import Queue
    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.outlet import Outlet
    from kms_perimeter.perimeter import Perimeter, PerimeterFile
    from kms_perimeter.policy.key import Key
    from kms_perimeter.settings import Settings
    from kms_perimeter.verdict import Verdict

NO_PERIMETER = "no-perimeter"
DYING = ("PendingDeletion", "PendingReplicaDeletion")
# KMS is eventually consistent: "in some cases it can take several minutes" until a change is seen everywhere. A key
# that somebody has just worked with is not gone, since to delete one takes a week: so long it is looked for again.
SEEN_EVERYWHERE = timedelta(minutes=10)
BY_CAUTION = (Mode.ALERT, Mode.APPROVE, Mode.ENFORCE)


@dataclass(frozen=True, slots=True)
class Guard:
    """What the guard works with.

    Attributes:
        settings: what the deployment decided.
        perimeters: the perimeter file.
        perimeter_version: its version; empty where the deployment has no file.
        keys: the keys of the account and Region.
        ledger: the ledger.
        asks: the questions that wait for a person's yes.
        alerts: where messages go.
        remediations: where keys to be fixed wait, or None where remediation is not deployed.
        now: the clock, in UTC.
        pause: waits for so many seconds.
        changes: where swept keys come again that could not be worked on, or None: then their whole message does.
    """

    settings: Settings
    perimeters: PerimeterFile
    keys: Keys
    ledger: Ledger
    asks: Asks
    alerts: Outlet
    remediations: Queue | None
    now: Callable[[], datetime]
    pause: Callable[[float], None]
    changes: Queue | None = None
    perimeter_version: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was done about one change, for the log and the metrics.

    Attributes:
        done: one fixed word: ``ignored``, ``quiet``, ``unreadable``, ``unwatched``, ``deferred``, or what was decided.
        reason: for ``ignored`` a fixed word too, else a clause for a person.
        key_arn: the key, where it is known.
        cause: ID of the event or the sweep, where it is known.
        outcome: of the verdict, where there is one.
        event: the operation that was called, or ``Sweep``, where it is known.
        at: when the cause happened, where it is known.
        durations: how long something took or has lasted, in seconds, by the name of its metric.
    """

    done: str
    reason: str
    key_arn: str = ""
    cause: str = ""
    outcome: str = ""
    event: str = ""
    at: datetime | None = None
    durations: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A key as it is now, what it must keep to, and what was found.

    Attributes:
        change: why the guard looks.
        live: the key.
        policy: its policy.
        perimeter: the perimeter that it is under, with the mode that the deployment allows.
        read_at: when the policy was read.
        perimeter_version: version of the perimeter file that decides; empty where there is no file.
        owned_by: the tag by which infrastructure code owns the key; the guard then only tells.
    """

    change: KeyChange
    live: LiveKey
    policy: str
    perimeter: Perimeter
    read_at: datetime
    owned_by: str | None = None
    perimeter_version: str = ""

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


def gather(guard: Guard, change: KeyChange) -> Evidence | Report:
    """Reads the key as it is now, or says why it is none of the guard's business.

    Raises:
        AccessIsDenied: the key or its policy cannot be read.
        KeyIsGone: the key is not seen, and the change is so young that KMS may not show the key everywhere yet.
        KeyIsNotSavedYet: likewise, of a key that still seems to die though its deletion was cancelled.
    """
    if change.account != guard.settings.guarded_account:
        return report_on(change, "ignored", "another-account")
    if change.region != guard.keys.region:
        return report_on(change, "ignored", "another-region")
    try:
        live = guard.keys.describe(change.key_arn)
        if reason := _none_of_ours(live):
            _refuse_if_just_saved(guard, change, live)
            return report_on(change, "ignored", reason)
        live = replace(live, key=known(guard.keys, guard.perimeters, live.key))
        if guard.perimeters.perimeter_for(live.key) is None:
            return report_on(change, "ignored", NO_PERIMETER)
        read_at = guard.now()
        policy = guard.keys.policy(change.key_arn)
    except KeyIsGone:
        if guard.now() - change.time < SEEN_EVERYWHERE:
            raise
        return report_on(change, "ignored", "key-gone")
    return judged_by(guard, change, live, policy, read_at) or report_on(change, "ignored", NO_PERIMETER)


def judged_by(guard: Guard, change: KeyChange, live: LiveKey, policy: str, read_at: datetime) -> Evidence | None:
    """What was read of a key, and what it must keep to now; None if no perimeter applies to it."""
    applies = guard.perimeters.perimeter_for(live.key)
    if applies is None:
        return None
    owner = guard.perimeters.alert_only(live.key)
    owned_by = "=".join(owner) if owner else None
    applies = restrained(applies, guard.settings.mode)
    return Evidence(change, live, policy, applies, read_at, owned_by, guard.perimeter_version)


def restrained(applies: Perimeter, most: Mode) -> Perimeter:
    """The perimeter with the more cautious of its own mode and the deployment's."""
    return replace(applies, mode=min(applies.mode, most, key=BY_CAUTION.index))


def report_on(
    change: KeyChange, done: str, reason: str, judged: Verdict | None = None, exposed: float | None = None
) -> Report:
    """A report on one change; `exposed` are the seconds of an exposure that has come to its end."""
    outcome = judged.outcome.value if judged else ""
    durations = {} if exposed is None else {"ExposureSeconds": exposed}
    return Report(done, reason, change.key_arn, change.event_id, outcome, change.event_name, change.time, durations)


def _none_of_ours(live: LiveKey) -> str | None:
    if live.manager == "AWS":
        return "aws-managed-key"
    return "pending-deletion" if live.state in DYING else None


def _refuse_if_just_saved(guard: Guard, change: KeyChange, live: LiveKey) -> None:
    young = guard.now() - change.time < SEEN_EVERYWHERE
    if live.state in DYING and change.event_name == "CancelKeyDeletion" and young:
        raise KeyIsNotSavedYet(f"its deletion was cancelled at {change.time:%H:%M:%S}, and KMS still says {live.state}")


def known(keys: Keys, perimeters: PerimeterFile, key: Key) -> Key:
    """The key with what the perimeters ask about it: tags and aliases cost a call each, so they are read only then."""
    if perimeters.needs_tags:
        key = keys.with_tags(key)
    return keys.with_aliases(key) if perimeters.needs_aliases else key
