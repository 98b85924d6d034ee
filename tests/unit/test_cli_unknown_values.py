"""What is said in spite of an unknown value is what is said once it is known: tried on every case of the suite."""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from kms_perimeter.cli.infrastructure import unknown
from kms_perimeter.cli.infrastructure.found import Deployment, Found, Reading
from kms_perimeter.cli.infrastructure.judging import judge_found
from kms_perimeter.verdict import Outcome
from tests.conformance import suite

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTAIN = (Outcome.ENCLOSED, Outcome.ESCAPES)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """The path of each text of a policy."""
    if isinstance(value, str):
        yield path
    for name, part in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from leaves(part, (*path, name))


def hidden(policy: dict[str, Any], path: tuple[Any, ...], *, whole: bool) -> str:
    """The policy with one text unknown, as a whole or from its middle on."""
    changed = copy.deepcopy(policy)
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    text = holder[path[-1]]
    holder[path[-1]] = unknown.mark("X") if whole else text[: len(text) // 2] + unknown.mark("X")
    return json.dumps(changed, ensure_ascii=False)


def read(reading: Reading, _: Deployment) -> Reading:
    """The same reading for each deployment."""
    return reading


@pytest.mark.parametrize("case", suite.all_of("enclosed", "escapes"), ids=lambda case: case.name)
def test_a_certain_verdict_holds_whatever_the_value_turns_out_to_be(case: suite.Case) -> None:
    """With any one text of the policy hidden, a certain verdict is the one that the whole policy has."""
    policy = json.loads(case.policy_text)

    for path in leaves(policy):
        for whole in (True, False):
            reading = Reading(case.key, hidden(policy, path, whole=whole))
            found = Found("Key", None, partial(read, reading))
            verdict = judge_found(found, case.perimeter, case.key.account, case.key.region).verdict
            assert verdict.outcome not in CERTAIN or verdict.outcome == case.verdict, (path, whole)
