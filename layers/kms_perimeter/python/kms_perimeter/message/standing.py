"""Messages about how a key stands: under which perimeter, and under whose exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter import wording
from kms_perimeter.decision import Severity
from kms_perimeter.letter import Letter, Part
from kms_perimeter.message.model import Matter, Message, compose, subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.perimeter import PolicyException


def moved(matter: Matter, *, before: str, after: str, weaker: Iterable[str]) -> Message:
    """A key has come under a weaker perimeter, by its tags, its aliases or a new perimeter file.

    Args:
        matter: the key, judged by the perimeter that it is under now.
        before: name of the perimeter that it was under.
        after: name of the perimeter that it is under now.
        weaker: in what the new one is weaker, a sentence each.
    """
    headline = f"{matter.name} has moved to a weaker perimeter"
    parts = (
        Part("What has changed", (f"It was under `{before}` and is under `{after}`.", *weaker)),
        wording.cause(matter.change, outside=matter.outside),
        Part("What the guard does", (f"It judges the key by `{after}` from now on: {matter.verdict.outcome}.",)),
        Part("What to do now", ("If nobody meant this, put the key's tags and aliases back as they were.",)),
    )
    facts = {"moved": {"from": before, "to": after, "weaker": list(weaker)}}
    return compose("moved", Severity.MEDIUM, headline, matter, parts, facts)


def perimeter_refused(name: str, version: int, error: str, in_force: int) -> Message:
    """A new version of the perimeter file is wrong, so the one before it goes on.

    Args:
        name: of the parameter that holds the file.
        version: the one that is wrong.
        error: what is wrong and where.
        in_force: the version that decides.
    """
    title = f"{Severity.HIGH.upper()}: version {version} of the perimeter file is wrong and not in force"
    parts = (
        Part("What is wrong", (wording.sentence(error),)),
        Part("What the guard does", (f"It goes on by version {in_force}, the last good one.",)),
        Part("What to do now", ("Put a version that `kms-perimeter validate` finds nothing wrong with.",)),
        Part("Parameter", (name,)),
    )
    letter = Letter(title, parts)
    told = {"kind": "perimeter-refused", "severity": Severity.HIGH.value, "version": version, "in_force": in_force}
    mark = f"perimeter-refused/{name}/{version}"
    return Message(subject_of(title), letter.text, letter.blocks, {**told, "reason": error}, mark)


def exception_ends(matter: Matter, exception: PolicyException) -> Message:
    """The day comes on which nobody answers for an open key any more."""
    headline = f"the exception for {matter.name} ends on {exception.expires}"
    then = "From the day after, the key is judged like any other, and what its perimeter says is done about it."
    parts = (
        Part("What is excepted", wording.findings(matter.verdict)),
        Part("Who answers for it", (f"{exception.owner}: {exception.reason}",)),
        Part("What the guard does", ("Nothing until then.", then)),
        Part("What to do now", ("Close the key, or agree on another day in the perimeter file.",)),
    )
    facts = {
        "exception": {
            "owner": exception.owner,
            "reason": exception.reason,
            "expires": exception.expires.isoformat(),
        }
    }
    return compose("exception-ends", Severity.MEDIUM, headline, matter, parts, facts)
