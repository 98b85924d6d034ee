"""What the ledger knows about a key as it is now, and the item that this is stored as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.ledger.entry import text_of
from kms_perimeter.perimeter import PolicyException

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE = "state"
NEWEST = "(attribute_not_exists(settled_at) OR settled_at <= :settled_at)"
KEPT_REMEDIATIONS = 20  # as many as the template's ContestedAfter can ask for


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about a key, as far as it decides whether anything is new.

    Attributes:
        outcome: of the verdict, or ``unreadable``.
        fingerprint: of the policy that was judged; empty where there was none to read.
        perimeter: name of the perimeter that the key was judged by; empty for none.
    """

    outcome: str
    fingerprint: str
    perimeter: str


@dataclass(frozen=True, slots=True)
class Opening:
    """Since when a key is open, as far as that was seen.

    Attributes:
        at: when the call was made that opened it; when it was found open, where no call is known.
        by: who made the call; empty where that is not known.
    """

    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """All about a finding is done: what is to be known of the key from now on.

    Attributes:
        finding: what was found.
        seen_at: when the policy was read that it is about.
        told: whether people were told.
        opening: since when the key is open, or None if it is not.
        remediated_at: when the guard has changed the key, this time among them; empty if it has not.
        contested_at: when it was given up, if that is what was done.
    """

    finding: Finding
    seen_at: datetime
    told: bool = True
    opening: Opening | None = None
    remediated_at: tuple[datetime, ...] = ()
    contested_at: datetime | None = None

    def attributes(self) -> dict[str, Any]:
        """The settlement as attributes of the key's state."""
        settled = {
            "settled_outcome": self.finding.outcome,
            "settled_fingerprint": self.finding.fingerprint,
            "settled_perimeter": self.finding.perimeter,
            "settled_at": text_of(self.seen_at),
            "told": self.told,
            "told_at": text_of(self.seen_at) if self.told else "",
            "opened_at": text_of(self.opening.at) if self.opening else "",
            "opened_by": self.opening.by if self.opening else "",
            "claim": "",
        }
        contested = {"contested_since": text_of(self.contested_at)} if self.contested_at else {}
        return settled | contested | (counted(self.remediated_at) if self.remediated_at else {})


@dataclass(frozen=True, slots=True)
class State:
    """What the ledger knows about a key before the present run.

    Attributes:
        settled: the last finding that was told, acted on and recorded; None for a key never seen before.
        settled_at: when the policy was read that it is about.
        told: whether people were told of it; an excepted key is settled in silence.
        told_at: when people were last told or reminded of it.
        opening: since when the key is open, or None while it is not.
        exception: somebody answers for the key until a day; given by a person, apart from the perimeter file.
        warned: the day of the exception whose end people have been reminded of; empty for none.
        remediated_at: when the guard last changed the key, oldest first, at most `KEPT_REMEDIATIONS`.
        contested_since: since when the key is left alone, or None.
        refused: fingerprint of the policy that could not be remediated, which people have been told; empty for none.
        planned: fingerprint of the policy that the guard last meant to put; empty for none.
        planned_at: when it meant to, right before it read the key's policy for the last time.
        seen: fingerprint of the policy that a look at the key has found last; a remediation is no such look.
        seen_at: when.
    """

    settled: Finding | None = None
    settled_at: datetime | None = None
    told: bool = False
    told_at: datetime | None = None
    opening: Opening | None = None
    exception: PolicyException | None = None
    warned: str = ""
    remediated_at: tuple[datetime, ...] = ()
    contested_since: datetime | None = None
    refused: str = ""
    planned: str = ""
    planned_at: datetime | None = None
    seen: str = ""
    seen_at: datetime | None = None

    def remediations_since(self, start: datetime) -> int:
        """How often the guard changed the key after `start`."""
        return sum(at > start for at in self.remediated_at)

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> State:
        """The state that an item holds; of an empty one, the state of a key never seen."""
        settled = None
        if "settled_outcome" in item:
            settled = Finding(item["settled_outcome"], item["settled_fingerprint"], item["settled_perimeter"])
        opened = _time(item.get("opened_at"))
        return cls(
            settled=settled,
            settled_at=_time(item.get("settled_at")),
            told=bool(item.get("told")),
            told_at=_time(item.get("told_at")),
            opening=Opening(opened, item.get("opened_by", "")) if opened else None,
            exception=_exception(item),
            warned=item.get("warned", ""),
            remediated_at=tuple(datetime.fromisoformat(at) for at in item.get("remediated_at", ())),
            contested_since=_time(item.get("contested_since")),
            refused=item.get("refused", ""),
            planned=item.get("planned", ""),
            planned_at=_time(item.get("planned_at")),
            seen=item.get("seen_fingerprint", ""),
            seen_at=_time(item.get("seen_at")),
        )


def counted(times: tuple[datetime, ...]) -> dict[str, Any]:
    """When the guard has changed a key, as an attribute of its state."""
    return {"remediated_at": [text_of(at) for at in times][-KEPT_REMEDIATIONS:]}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _exception(item: Mapping[str, Any]) -> PolicyException | None:
    if not item.get("excepted_until"):
        return None
    until = date.fromisoformat(item["excepted_until"])
    return PolicyException(item["key_arn"], item["excepted_reason"], item["excepted_owner"], until)
