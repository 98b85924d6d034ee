"""Rollback: going back to a policy that was replaced, planned and proved like any other change.

A person asks for it and does it with his own permissions; the guard only must know. So what is about to be replaced is
in the ledger before anything is put, and to go back to a policy that lets outside requests through is an exception with
an end, registered beforehand: else the guard would close the key again at once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kms_perimeter import remedy
from kms_perimeter.aws.ledger import Entry, Kind
from kms_perimeter.errors import KmsRefusal, LedgerConflict, MalformedPolicy, NothingToGoBackTo, StalePlan
from kms_perimeter.evidence import known
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.policy import document
from kms_perimeter.remediation import read_back
from kms_perimeter.remedy import ProofCode, Strategy, diff_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kms_perimeter.aws.kms import Keys
    from kms_perimeter.aws.ledger import Ledger
    from kms_perimeter.perimeter import PerimeterFile, PolicyException
    from kms_perimeter.remedy import Standpoint
    from kms_perimeter.verdict import Verdict

# The key would be open, or the guard could no longer close it: somebody may answer for that. For anything else that is
# not shown nobody can: KMS would not take the policy, or nobody could ever change it again.
FORCIBLE = (ProofCode.ENCLOSED, ProofCode.GUARD_GETS_IN)


@dataclass(frozen=True, slots=True)
class Means:
    """What a rollback is done with.

    Attributes:
        keys: the keys of the account and Region, as the caller may read and change them.
        ledger: the ledger.
        perimeters: what the service judges keys by.
        standpoint: who changes policies and from where, or None where remediation is not deployed.
        now: the clock, in UTC.
        pause: waits for so many seconds.
    """

    keys: Keys
    ledger: Ledger
    perimeters: PerimeterFile
    standpoint: Standpoint | None
    now: Callable[[], datetime]
    pause: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a rollback would do, before anything is touched.

    Attributes:
        key_arn: the key.
        entry: the ledger's entry whose policy is gone back to.
        before: the present policy.
        after: the policy that is gone back to.
        diff: from the one to the other.
        verdict: on the policy that is gone back to; None where no perimeter applies to the key.
        refused: why it must not be done at all; empty where nothing speaks against it.
        objections: why it must be forced; empty where every proof holds.
        losses: what somebody inside the perimeter could do and could no more.
    """

    key_arn: str
    entry: Entry
    before: str = field(repr=False)
    after: str = field(repr=False)
    diff: str = field(repr=False)
    verdict: Verdict | None
    refused: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the key has another policy than the one that is gone back to."""
        return fingerprint(self.before) != fingerprint(self.after)


def last_remediation(ledger: Ledger, key_arn: str) -> Entry:
    """The plan of the last remediation of a key, which holds the policy that it replaced.

    Raises:
        NothingToGoBackTo: the guard has never changed the key.
    """
    carried_out = set()
    for entry in ledger.entries(key_arn):
        if entry.kind is Kind.REMEDIATED:
            carried_out.add((entry.at, entry.cause))
        if entry.kind is Kind.PLANNED and (entry.at, entry.cause) in carried_out:
            return entry
    raise NothingToGoBackTo(f"the ledger knows no remediation of {key_arn}; name an entry with --to")


def propose(means: Means, key_arn: str, entry: Entry) -> Rollback:
    """Plans to go back to the policy that an entry replaced; for an entry that replaced none, to the one it is about.

    Raises:
        NothingToGoBackTo: the entry holds no policy.
        KmsRefusal: the key cannot be read.
    """
    after = entry.facts.get("before") or entry.facts.get("policy")
    if not after:
        raise NothingToGoBackTo(f"the entry `{entry.id}` ({entry.kind.word}) holds no policy to go back to")
    key, before = known(means.keys, means.perimeters, means.keys.describe(key_arn).key), means.keys.policy(key_arn)
    try:
        document.parse(after)
    except MalformedPolicy as error:
        return Rollback(key_arn, entry, before, after, "", None, refused=(f"the policy is malformed: {error}",))
    applies = means.perimeters.perimeter_for(key)
    if applies is None:
        return Rollback(key_arn, entry, before, after, diff_of(before, after), None)
    restored = remedy.plan(
        before, key, applies, strategy=Strategy.RESTORE, standpoint=means.standpoint, last_enclosed=after
    )
    failed = [proof for proof in restored.proofs if proof.binding and not proof.holds]
    return Rollback(
        key_arn,
        entry,
        before,
        after,
        restored.diff,
        restored.verdict,
        refused=tuple(proof.sentence for proof in failed if proof.code not in FORCIBLE),
        objections=tuple(proof.sentence for proof in failed if proof.code in FORCIBLE),
        losses=restored.losses,
    )


def carry_out(means: Means, rollback: Rollback, by: str, exception: PolicyException | None = None) -> None:
    """Goes back: registers the exception, writes to the ledger, puts the policy, and reads it back.

    Args:
        means: what it is done with.
        rollback: what `propose` has found, with nothing in `refused`.
        by: who does it.
        exception: for a rollback with `objections`; its owner answers for the key until its day.

    Raises:
        StalePlan: the key has another policy than the one that was shown, before the put or after it.
        KmsRefusal: KMS does not take the policy; the key and its exception are as they were. So they are after any
            other failure, if the key is seen to be as before; where nobody knows, the exception stays.
    """
    key_arn = rollback.key_arn
    if fingerprint(means.keys.policy(key_arn)) != fingerprint(rollback.before):
        raise StalePlan(f"the policy of `{key_arn}` is another by now; nothing is done")
    entry, earlier = _entry(means, rollback, by, exception), means.ledger.state(key_arn).exception
    with suppress(LedgerConflict):  # botocore has repeated this very call: its cause has the time to the microsecond
        means.ledger.write(entry)
    if exception:
        means.ledger.except_(key_arn, exception)
    try:
        means.keys.put_policy(key_arn, rollback.after)
    except Exception as failure:
        if isinstance(failure, KmsRefusal) or _is_as_before(means, rollback):
            if exception:
                means.ledger.except_(key_arn, earlier)
            _record_refusal(means, entry, failure)
        raise
    put = fingerprint(rollback.after)
    if fingerprint(read_back(means.keys, means.pause, key_arn, put)) != put:
        raise StalePlan(f"another policy than the one that was put is read back from `{key_arn}`; look at its history")


def _entry(means: Means, rollback: Rollback, by: str, exception: PolicyException | None) -> Entry:
    now = means.now()
    facts = {
        "policy_hash": fingerprint(rollback.before),
        "before": rollback.before,
        "after": rollback.after,
        "diff": rollback.diff,
        "to": rollback.entry.id,
    }
    if rollback.verdict:
        facts |= {"outcome": rollback.verdict.outcome.value, "perimeter": rollback.verdict.perimeter or ""}
    if exception:
        facts |= {"reason": exception.reason, "until": exception.expires.isoformat(), "forced": "yes"}
    return Entry(rollback.key_arn, now, f"rollback-{now:%Y%m%dT%H%M%S.%fZ}", Kind.ROLLED_BACK, by, facts)


def _is_as_before(means: Means, rollback: Rollback) -> bool:
    """Whether the key is seen to have the policy still that was to be replaced.

    An exception that outlived a put which never came would hide it if somebody opened the key.
    """
    try:
        return fingerprint(means.keys.policy(rollback.key_arn)) == fingerprint(rollback.before)
    except Exception:  # noqa: BLE001 - what has gone wrong before is what is told
        return False


def _record_refusal(means: Means, entry: Entry, failure: Exception) -> None:
    facts = {"policy_hash": entry.facts["policy_hash"], "reason": f"the rollback is refused: {failure}"}
    with suppress(LedgerConflict):
        means.ledger.write(replace(entry, kind=Kind.REFUSED, facts=facts))
