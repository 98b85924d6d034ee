"""Whether two evaluators agree on requests, and how often one's known errors had to be forgiven."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy import document, evaluator
from tests.oracles import known_errors
from tests.oracles.iam_simulate import ALLOWED, EXPLICITLY_DENIED, IMPLICITLY_DENIED, question

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.request import Request
    from tests.oracles.iam_simulate import Simulator

SAME = {
    ALLOWED: evaluator.ALLOWED,
    IMPLICITLY_DENIED: evaluator.IMPLICIT_DENY,
    EXPLICITLY_DENIED: evaluator.EXPLICIT_DENY,
}


@dataclass(frozen=True, slots=True)
class Tally:
    """What was compared, agreed on and forgiven, by name."""

    counts: Counter[str]

    def add(self, what: str, times: int = 1) -> None:
        """Count something."""
        self.counts[what] += times


@dataclass(frozen=True, slots=True)
class Difference:
    """A request that the two evaluators decide differently, and the known error that explains it, if any."""

    request: Request
    ours: str
    theirs: str
    known: str | None


def differences(
    simulator: Simulator, policy: dict[str, Any], requests: Sequence[Request], key: Key
) -> list[Difference]:
    """Where our evaluator and iam-simulate differ on this policy, the known errors included."""
    parsed = document.parse(json.dumps(policy))
    theirs = [SAME[said] for said in simulator.ask([question(policy, request) for request in requests])]
    ours = [evaluator.evaluate(parsed, request, key).decision for request in requests]
    return [
        Difference(request, mine, other, known_errors.name_of(policy, request))
        for request, mine, other in zip(requests, ours, theirs, strict=True)
        if mine != other
    ]


def unexplained(found: Sequence[Difference], tally: Tally) -> list[Difference]:
    """The differences that no known error explains; the others are counted as forgiven."""
    for difference in found:
        if difference.known is not None:
            tally.add(f"forgiven ({difference.known})")
    return [difference for difference in found if difference.known is None]
