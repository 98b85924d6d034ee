"""One message for many: what an alert storm would have said, and what is still open."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kms_perimeter import pages, wording
from kms_perimeter.decision import Severity
from kms_perimeter.letter import Letter, Part
from kms_perimeter.message.model import Message, subject_of
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST_KEYS = 40  # named in a digest
# What the messages of each kind say, in a word.
_KINDS = {
    "alert": "not enclosed",
    "ask": "waiting for a yes",
    "remediate": "being closed by the guard",
    "remediated": "closed by the guard",
    "refused": "not closed by the guard",
    "exposure-closed": "enclosed again",
    "exception-ends": "exception ends soon",
    "followed": "brought up to date by the guard",
    "moved": "moved to a weaker perimeter",
    "overwritten": "change overwritten by the guard",
    "unreadable": "not readable",
}
STILL_OPEN = "reminder"


_PRESSING = (Outcome.ESCAPES, Outcome.MALFORMED, Outcome.UNDECIDED)
# A key that cannot be read has no verdict; what to do about it stands on the page of those without a proof.
_OUTCOMES = {**{outcome.value: outcome for outcome in _PRESSING}, "unreadable": Outcome.UNDECIDED}


@dataclass(frozen=True, slots=True)
class Notice:
    """A message in a line, as it waits for the next digest.

    Attributes:
        kind: of the message; ``reminder`` for a key that is still open and was told before.
        severity: of the message.
        key: the key's ARN.
        verdict: on its policy.
        headline: what the message says first.
        dedup_key: the same for two notices of the same message.
    """

    kind: str
    severity: str
    key: str
    verdict: str
    headline: str
    dedup_key: str

    def to_json(self) -> dict[str, str]:
        """The notice as it waits in its queue."""
        return asdict(self)

    @classmethod
    def from_json(cls, waiting: Mapping[str, Any]) -> Notice:
        """The notice that a message of the queue holds; only this stack can send to it."""
        return cls(**waiting)


def notice_of(message: Message) -> Notice:
    """A message in a line."""
    told, headline = message.data, message.text.partition("\n")[0].partition(": ")[2]
    return Notice(
        told["kind"], told["severity"], str(told.get("key")), str(told.get("verdict")), headline, message.dedup_key
    )


def digest(waiting: Sequence[Notice], docs: str = "") -> Message:
    """What many messages would have said: how many of which kind, and the keys that matter most.

    Args:
        waiting: at least one notice; the same one twice counts once.
        docs: where docs/ is published; empty where that is not known.
    """
    notices = sorted({n.dedup_key: n for n in waiting}.values(), key=lambda n: (-Severity(n.severity).rank, n.key))
    worst = Severity(notices[0].severity)
    fresh = [n for n in notices if n.kind != STILL_OPEN]
    standing = [n for n in notices if n.kind == STILL_OPEN]
    title = f"{worst.upper()}: {_title(fresh, standing)}"
    parts = (
        Part("By severity", (_counts(n.severity for n in notices),)),
        Part("What happened", (_counts(_KINDS.get(n.kind, n.kind) for n in fresh),) if fresh else ()),
        Part("Which keys", _lines(fresh)),
        Part("Still open, told before", _lines(standing)),
        Part("What to do now", ("Begin at the top. `kms-perimeter history KEY` tells the story of each key.",)),
        Part("What that means", tuple(_pages(notices, docs))),
    )
    letter = Letter(title, parts)
    told = {"kind": "digest", "severity": worst.value, "keys": {n.key: n.verdict for n in notices}}
    marks = hashlib.sha256("\n".join(sorted(n.dedup_key for n in notices)).encode()).hexdigest()
    return Message(subject_of(title), letter.text, letter.blocks, told, f"digest/{marks[:16]}")


def _pages(notices: Iterable[Notice], docs: str) -> Iterator[str]:
    """The page of each verdict that somebody has to do something about, the worst first."""
    told = {_OUTCOMES.get(n.verdict) for n in notices}
    return (pages.led_to(pages.of_outcome(o, docs), docs) for o in _PRESSING if o in told)


def _title(fresh: Sequence[Notice], standing: Sequence[Notice]) -> str:
    more = f"{len(fresh)} more alert{'s' if len(fresh) > 1 else ''} in one" if fresh else ""
    still = f"{len(standing)} key{'s are' if len(standing) > 1 else ' is'} still open" if standing else ""
    return ", ".join(filter(None, (more, still)))


def _counts(words: Iterable[str]) -> str:
    return ", ".join(f"{word}: {count}" for word, count in Counter(words).most_common())


def _lines(notices: Sequence[Notice]) -> tuple[str, ...]:
    return wording.first(tuple(f"{n.severity}: {n.headline} ({n.key})" for n in notices), MOST_KEYS)
