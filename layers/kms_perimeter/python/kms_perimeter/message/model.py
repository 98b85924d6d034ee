"""A message, what it is about, and how its parts become one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kms_perimeter import pages, wording
from kms_perimeter.cloudtrail import WATCHED, advisory_on
from kms_perimeter.letter import Letter, Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.decision import Severity
    from kms_perimeter.verdict import Advisory, Verdict

SUBJECT_CHARACTERS = 99  # SNS: "must be less than 100 characters long"
HEADLINE_NAME = 36  # characters: as long as a key's ID
ALIASES_NAMED = 5


@dataclass(frozen=True, slots=True)
class Message:
    """One message, for every way it may travel.

    Attributes:
        subject: one line of ASCII, under 100 characters, as SNS wants it.
        text: the whole message as plain text.
        blocks: the same for Slack.
        data: the same for programs: ``kind``, ``severity``, ``key`` and the members of the verdict's JSON.
        dedup_key: the same for two messages about the same thing.
    """

    subject: str
    text: str
    blocks: list[dict[str, Any]] = field(hash=False)
    data: dict[str, Any] = field(hash=False)
    dedup_key: str


@dataclass(frozen=True, slots=True)
class Matter:
    """What a message is about.

    Attributes:
        key_arn: the key.
        verdict: on its live policy.
        change: the call that led here; None, or one that is no KMS operation, where a sweep found it.
        outside: whether that call itself came from outside the perimeter, or None where that cannot be told.
        since: since when the key is open, or None where it is not or that is not known.
        cause: what led here, where it is no call: two messages with the same one are about the same thing.
        docs: where docs/ is published; empty where that is not known.
        aliases: the key's aliases, where they are known.
    """

    key_arn: str
    verdict: Verdict
    change: KeyChange | None = None
    outside: bool | None = None
    since: datetime | None = None
    cause: str = ""
    docs: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The key as people know it: its first alias that fits into a headline, else its ID."""
        short = (alias for alias in self.aliases if len(alias) <= HEADLINE_NAME)
        return next(short, wording.key_id(self.key_arn))

    @property
    def advisories(self) -> tuple[Advisory, ...]:
        """Those of the verdict, and what there is to say of the call itself."""
        said = advisory_on(self.change, outside=self.outside) if self.change else ()
        return (*self.verdict.advisories, *said)


@dataclass(frozen=True, slots=True)
class Exposure:
    """The time in which a key could be used from outside.

    Attributes:
        opened: when it was opened or first seen open, or None where that is not known.
        opened_by: who opened it; empty where that is not known.
        closed: when it was closed or first seen enclosed again.
        closed_by: who closed it; empty where that is not known.
    """

    opened: datetime | None
    opened_by: str
    closed: datetime
    closed_by: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it lasted, or None where that is not known."""
        return None if self.opened is None else max(0.0, (self.closed - self.opened).total_seconds())

    def part(self) -> Part:
        """The exposure in words."""
        window = f"From {wording.at(self.opened)} to {wording.at(self.closed)}"
        by = (f"Opened by {self.opened_by}." if self.opened_by else "", f"Closed by {self.closed_by}.")
        lines = (f"{window}{wording.duration(self.opened, self.closed)}.", *by[: 2 if self.closed_by else 1])
        return Part("When it was open", tuple(line for line in lines if line))

    def to_json(self) -> dict[str, Any]:
        """The exposure for programs."""
        return {
            "from": self.opened and self.opened.isoformat(),
            "to": self.closed.isoformat(),
            "opened_by": self.opened_by or None,
            "closed_by": self.closed_by or None,
            "seconds": self.seconds,
        }


def compose(
    kind: str,
    severity: Severity,
    headline: str,
    matter: Matter,
    parts: Iterable[Part],
    facts: Mapping[str, Any],
    more_blocks: Iterable[dict[str, Any]] = (),
) -> Message:
    """The message about a key that its parts make; `more_blocks` are for Slack alone, such as buttons."""
    title = f"{severity.upper()}: {headline}"
    page = pages.most_relevant(matter.verdict, matter.advisories, matter.docs)
    letter = Letter(
        title, (*parts, Part("What that means", (pages.led_to(page, matter.docs),)), _about(matter)), tuple(more_blocks)
    )
    called = matter.change is not None and matter.change.event_name in WATCHED  # else a sweep, which is no call
    change = matter.change.to_json() if matter.change and called else None
    data = {
        "kind": kind,
        "severity": severity.value,
        "key": matter.key_arn,
        **matter.verdict.to_json(),
        "advisories": [advisory.to_json() for advisory in matter.advisories],
        "page": page,
        "change": change and {name: value for name, value in change.items() if name != "policy"},
        "created_from_outside": matter.outside,
        "since": matter.since and matter.since.isoformat(),
        "console": wording.console(matter.key_arn),
        **facts,
    }
    return Message(subject_of(title), letter.text, letter.blocks, data, _dedup_key(kind, matter))


def subject_of(title: str) -> str:
    """The title as SNS takes it for a subject."""
    line = " ".join(f"KMS Perimeter: {title}".split()).encode("ascii", "replace").decode()
    return line if len(line) <= SUBJECT_CHARACTERS else line[: SUBJECT_CHARACTERS - 3] + "..."


def _about(matter: Matter) -> Part:
    _, _, _, region, account, _ = matter.key_arn.split(":", 5)
    perimeter = (f"Perimeter: {matter.verdict.perimeter}",) if matter.verdict.perimeter else ()
    place = f"Account {account}, Region {region}"
    aliases = wording.first(matter.aliases, ALIASES_NAMED)
    return Part("Key", (matter.key_arn, *aliases, place, *perimeter, wording.console(matter.key_arn)))


def _dedup_key(kind: str, matter: Matter) -> str:
    cause = matter.change.event_id if matter.change else matter.cause
    found = [(e.operation, e.rule, e.route.value, e.statement.index) for e in matter.verdict.escapes]
    digest = hashlib.sha256(repr((cause, matter.verdict.outcome.value, found)).encode()).hexdigest()
    return f"{kind}/{matter.key_arn}/{digest[:16]}"
