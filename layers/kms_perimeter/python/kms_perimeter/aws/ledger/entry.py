"""One entry of the ledger, and the item that it is stored as."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """The kinds of entries, in the order in which one cause writes them."""

    VERDICT = "1-verdict"
    PROPOSED = "2-proposed"
    PLANNED = "2-planned"
    REMEDIATED = "3-remediated"
    REFUSED = "3-refused"
    CONTESTED = "4-contested"
    OVERWRITTEN = "4-overwritten"
    APPROVED = "5-approved"
    EXCEPTED = "5-excepted"
    RESUMED = "5-resumed"
    ROLLED_BACK = "5-rolled-back"

    @property
    def word(self) -> str:
        """The kind as people read it, such as ``rolled-back``."""
        return self.value.partition("-")[2]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger.

    Attributes:
        key_arn: the key.
        at: when the cause happened.
        cause: ID of the CloudTrail event or of the sweep; for what a person asked for, an ID of its own.
        kind: what the entry tells.
        actor: who caused it.
        facts: everything else by name: ``outcome``, ``policy``, ``before``, ``after``, ``diff``, ``reason`` and so on.
            ``policy_hash`` is part of the entry's name, since one cause may meet the key with one policy and later,
            tried again, with another.
    """

    key_arn: str
    at: datetime
    cause: str
    kind: Kind
    actor: str = ""
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def sort_key(self) -> str:
        """The entry's name within its key: by time, then by cause, then by step, then by policy."""
        return f"{cause_of(self.at, self.cause)}{self.kind.value}#{self.facts.get('policy_hash', '')[:12]}"

    @property
    def id(self) -> str:
        """What people call the entry by: short, and its own among all keys."""
        return hashlib.sha256(f"{self.key_arn}#{self.sort_key}".encode()).hexdigest()[:12]

    def to_item(self) -> dict[str, Any]:
        """The entry as the table holds it; ``day`` is for the index by time."""
        return {
            "key_arn": self.key_arn,
            "entry": self.sort_key,
            "day": text_of(self.at)[:10],
            "at": text_of(self.at),
            "cause": self.cause,
            "kind": self.kind.value,
            "actor": self.actor,
            **self.facts,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Entry:
        """The entry that an item holds."""
        rest = dict(item)
        named = {name: rest.pop(name) for name in ("key_arn", "at", "cause", "kind", "actor")}
        facts = {name: value for name, value in rest.items() if name not in ("entry", "day")}
        at, kind = datetime.fromisoformat(named["at"]), Kind(named["kind"])
        return cls(named["key_arn"], at, named["cause"], kind, named["actor"], facts)


def text_of(at: datetime) -> str:
    """A time as the table holds it: texts are in the order of the times."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def cause_of(at: datetime, cause: str) -> str:
    """How the names of all entries of one cause begin."""
    return f"{at.astimezone(UTC).isoformat(timespec='seconds')}#{cause}#"
