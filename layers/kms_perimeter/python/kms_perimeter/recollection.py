"""A key as the guard has looked at it a moment ago, from the ledger's entry about that look.

`on_key_change` has read the key, and `on_remediation` comes right behind it. What AWS has answered the one it need not
answer the other again: the entry of the look holds it, in the ledger, which only the guard's own functions write. What
is decided by it is decided anew, and the policy is read again right before it is replaced.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.kms import LiveKey
from kms_perimeter.aws.ledger import Entry, Finding, Kind
from kms_perimeter.evidence import Evidence, judged_by
from kms_perimeter.policy.key import Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.aws.ledger import State
    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.evidence import Guard

# A key's usage and origin never change; its tags, its aliases and its state may. A change within this is as one within
# the run itself: its own event comes and is worked on after this.
A_MOMENT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Recollection:
    """A look at a key.

    Attributes:
        evidence: what was read.
        reserved: whether the message about what comes of it is counted already (`Outlet.publish`).
    """

    evidence: Evidence
    reserved: bool


def facts_of(evidence: Evidence, *, reserved: bool) -> dict[str, str]:
    """A look as facts of its entry, beside the policy."""
    live, key = evidence.live, evidence.key
    of_key = {each.name: getattr(key, each.name) for each in fields(Key)}
    looked = {"arn": live.arn, "manager": live.manager, "state": live.state, "key": of_key}
    noted = {"looked_at": evidence.read_at.isoformat(), "looked": json.dumps(looked, default=dict)}
    return noted | ({"reserved": "yes"} if reserved else {})


def place_of(change: KeyChange, policy_hash: str) -> str:
    """Where the entry of the look stands that has found this policy because of this change."""
    return Entry(
        change.key_arn, change.time, change.event_id, Kind.VERDICT, facts={"policy_hash": policy_hash}
    ).sort_key


def recall(guard: Guard, change: KeyChange, entry: Entry | None, state: State) -> Recollection | None:
    """The key as an entry has it; None if that is no more to be relied on, and the key must be looked at.

    Args:
        guard: what the guard works with.
        change: why it looked.
        entry: the entry, or None where there is none (yet).
        state: what the ledger knows of the key now. If anything else has been settled since, much may have happened.
    """
    if entry is None or "looked" not in entry.facts:
        return None
    read_at = datetime.fromisoformat(entry.facts["looked_at"])
    live = _live(json.loads(entry.facts["looked"]))
    if guard.now() - read_at > A_MOMENT or not _is_known(guard, live.key):
        return None
    evidence = judged_by(guard, change, live, entry.facts["policy"], read_at)
    same = Finding(entry.facts["outcome"], entry.facts["policy_hash"], entry.facts["perimeter"])
    if evidence is None or state.settled != same or evidence.perimeter.name != same.perimeter:
        return None
    return Recollection(evidence, reserved="reserved" in entry.facts)


def _live(looked: Mapping[str, Any]) -> LiveKey:
    of_key = looked["key"]
    aliases = of_key["aliases"]
    key = Key(**{**of_key, "aliases": None if aliases is None else tuple(aliases)})
    return LiveKey(looked["arn"], key, looked["manager"], looked["state"])


def _is_known(guard: Guard, key: Key) -> bool:
    """Whether all of the key was read that the perimeters ask about."""
    tagged = key.tags is not None or not guard.perimeters.needs_tags
    return tagged and (key.aliases is not None or not guard.perimeters.needs_aliases)
