"""Sees to the one thing that must hold at every moment: at each call on the wire, right before it and right after it.

The policy on the key is one that people have put, or the guard's; the guard's is proved, was put by the one function
that may, and what it has replaced was in the ledger before. Nothing that is in the ledger ever changes.

It looks into AWS's memory: to look is no call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kms_perimeter import verdict
from kms_perimeter.aws.ledger import Kind
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.verdict import Outcome
from tests.faults.memory import entries_of, policy_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.key import Key

MAY_PUT = "on_remediation"


@dataclass
class Witness:
    """Looks at one key, and remembers what was wrong and when.

    Attributes:
        key: the key.
        perimeter: the perimeter that it is under.
        people: every policy that somebody else than the guard has put.
        function: the function that runs right now.
        read: the policy that the guard has read last, before it put its own.
        live: the policy at the last look.
        wrong: what was wrong, with the moment.
        raced: how often the guard has replaced a policy that was put after its last reading; decisions/0005.
        looks: how often it has looked.
        puts: how often it has seen a policy of the guard's come onto the key.
    """

    key: Key
    perimeter: Perimeter
    people: list[str]
    function: str = ""
    read: str = ""
    live: str = ""
    wrong: list[str] = field(default_factory=list)
    raced: int = 0
    looks: int = 0
    puts: int = 0
    _known: dict[str, str] = field(default_factory=dict)
    _proved: dict[str, bool] = field(default_factory=dict)

    def look(self, when: str, call: str) -> None:
        """Looks at the key and the ledger as they are at this moment."""
        self.looks += 1
        live = policy_of(str(self.key.arn))
        if (when, call, self.function) == ("after", "kms.GetKeyPolicy", MAY_PUT):
            self.read = live
        if live not in self.people:
            self.wrong += [f"{when} {call}: {reason}" for reason in self._against(live)]
            self.raced += self._has_come(live) and self.live != self.read
        self.puts += self._has_come(live)
        self.live = live

    def goes_by(self, perimeter: Perimeter) -> None:
        """From now on, the key is under another perimeter."""
        self.perimeter = perimeter
        self._proved.clear()

    def look_back(self) -> None:
        """Sees whether all that was in the ledger at the last look back is still in it, as it was."""
        now = {str(entry["entry"]): repr(sorted(entry.items())) for entry in entries_of(str(self.key.arn))}
        self.wrong += [f"the entry {name} has changed" for name, was in self._known.items() if now.get(name) != was]
        self._known = now

    def _has_come(self, live: str) -> bool:
        return live != self.live and live not in self.people

    def _against(self, live: str) -> Iterator[str]:
        """What is wrong with a policy of the guard's on the key."""
        plans = [entry for entry in entries_of(str(self.key.arn)) if entry["kind"] == Kind.PLANNED]
        plans = [plan for plan in plans if _same(plan["after"], live)]
        if not plans:
            yield "the guard's policy is on the key and what it has replaced is not in the ledger"
        if not self._is_proved(live):
            yield "the guard's policy is not enclosed"
        if self._has_come(live):
            if self.function != MAY_PUT:
                yield f"{self.function} has put a policy"
            if not any(_same(one["before"], self.read) for one in plans):
                yield "the policy that the guard has read last is not the one that it has planned on"

    def _is_proved(self, live: str) -> bool:
        if live not in self._proved:
            judged = verdict.judge(live, self.key, self.perimeter)
            self._proved[live] = judged.outcome is Outcome.ENCLOSED
        return self._proved[live]


def _same(one: str, other: str) -> bool:
    return fingerprint(one) == fingerprint(other)
