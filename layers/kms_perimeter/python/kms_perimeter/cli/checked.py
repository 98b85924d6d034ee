"""A key policy that `check` has judged, whatever kind of file it was found in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kms_perimeter.policy.jsontext import Place
    from kms_perimeter.verdict import StatementRef, Verdict


@dataclass(frozen=True, slots=True)
class Checked:
    """A policy and what is said of it.

    Attributes:
        file: the path, or ``-``.
        verdict: what is said.
        resource: in infrastructure code the logical ID or address of the key, or nothing where the file cannot be read;
            None for a file that is a key policy.
        place: where the policy stands in the file, or what is wrong with it; None where that is not known.
        statements: where each statement stands.
        accepted: who answers for what is found until when, where somebody does.
    """

    file: str
    verdict: Verdict
    resource: str | None = None
    place: Place | None = None
    statements: tuple[Place | None, ...] = ()
    accepted: str | None = None

    @property
    def name(self) -> str:
        """The policy's name for people."""
        if not self.resource:
            return self.file
        return f"{self.file}: {self.resource}" + (f" (line {self.place.line})" if self.place else "")

    def place_of(self, ref: StatementRef | None) -> Place | None:
        """Where a statement stands, or the whole policy."""
        if ref is None or ref.index >= len(self.statements):
            return self.place
        return self.statements[ref.index] or self.place

    def to_json(self) -> dict[str, Any]:
        """The verdict with its file and, in infrastructure code, its place there."""
        printed: dict[str, Any] = {"file": self.file}
        if self.resource is not None:
            printed |= {"resource": self.resource or None, "line": self.place.line if self.place else None}
        return {**printed, **self.verdict.to_json()}
