"""The engine's answers to the cases of ``tests/cases``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kms_perimeter.policy import document, evaluator
from kms_perimeter.verdict import Route, Verdict, judge
from tests.conformance.outside import is_outside, is_possible
from tests.conformance.suite import files, read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.suite import Case

every_case = pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}/{path.stem}")


@every_case
def test_the_verdict_is_the_expected_one(path: Path) -> None:
    """The engine gives the verdict of the folder, with the escapes, advisories and reason that the case asks for."""
    case = read(path)

    verdict = judge(case.policy_text, case.key, case.perimeter)

    assert complaints(case, verdict) == []


@every_case
def test_every_escape_is_a_real_request_from_outside_that_is_let_through(path: Path) -> None:
    """Each escape comes from outside, could be sent, and is let through by the plain evaluator."""
    case = read(path)

    verdict = judge(case.policy_text, case.key, case.perimeter)

    assert [e.to_json() for e in verdict.escapes if not is_real(case, verdict, e.operation, e.route)] == []


def complaints(case: Case, verdict: Verdict) -> list[str]:
    """What the verdict has otherwise than the case expects it."""
    found = {(escape.operation, escape.route.value) for escape in verdict.escapes}
    wanted = {(escape["operation"], escape["route"]) for escape in case.expect.get("escapes", ())}
    unwanted = found - wanted if case.expect.get("exactly") else set()
    forbidden = {operation for operation, _ in found} & set(case.expect.get("not_escaping", ()))
    advisories = {advisory.code for advisory in verdict.advisories}
    said = [f"verdict: {verdict.outcome} ({verdict.reason})"] if verdict.outcome != case.expect["verdict"] else []
    said += [f"missing: {escape}" for escape in sorted(wanted - found)]
    said += [f"unexpected: {escape}" for escape in sorted(unwanted)]
    said += [f"must not escape: {operation}" for operation in sorted(forbidden)]
    said += [f"advisory missing: {code}" for code in case.expect.get("advisories", ()) if code not in advisories]
    if (piece := case.expect.get("reason_contains", "")) not in (verdict.reason or ""):
        said.append(f"reason without `{piece}`: {verdict.reason}")
    return said


def is_real(case: Case, verdict: Verdict, operation: str, route: Route) -> bool:
    """Whether the escape of this operation and route is one."""
    policy = document.parse(case.policy_text)
    [escape] = [e for e in verdict.escapes if (e.operation, e.route) == (operation, route)]
    used = evaluator.evaluate(policy, escape.request, case.key)
    if not is_outside(escape.request, case.perimeter, case.key) or not is_possible(escape.request):
        return False
    if escape.grant is None:
        return used.decision == evaluator.ALLOWED and used.route == route
    made = evaluator.evaluate(policy, escape.grant, case.key)
    outside = is_outside(escape.grant, case.perimeter, case.key, covered=False) and is_possible(escape.grant)
    return outside and made.decision == evaluator.ALLOWED and used.decision != evaluator.EXPLICIT_DENY
