"""SARIF 2.1.0, for code scanning: one result per escape and advisory, at the statement that it is about."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kms_perimeter import __version__
from kms_perimeter.verdict import Outcome, StatementRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.cli.check import Checked
    from kms_perimeter.cli.inputs import PolicyFile
    from kms_perimeter.verdict import Advisory

VERDICT_RULES = {
    "escapes": ("error", "A request from outside the perimeter gets through."),
    "undecided": ("warning", "It cannot be proved that no request from outside the perimeter gets through."),
    "malformed": ("error", "The policy cannot be understood."),
}
ADVISORY_LEVEL = "note"


def log(checked: list[Checked]) -> dict[str, Any]:
    """The SARIF log of a run of `check`."""
    advised = sorted({advisory.code for one in checked for advisory in one.verdict.advisories})
    rules = [_rule(code, *VERDICT_RULES[code]) for code in VERDICT_RULES]
    rules += [_rule(code, ADVISORY_LEVEL, f"Advisory: {code.replace('-', ' ')}.") for code in advised]
    driver = {"name": "kms-perimeter", "semanticVersion": __version__, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": _results(checked)}],
    }


def _rule(code: str, level: str, told: str) -> dict[str, Any]:
    return {"id": code, "shortDescription": {"text": told}, "defaultConfiguration": {"level": level}}


def _results(checked: list[Checked]) -> list[dict[str, Any]]:
    return [result for one in checked for result in (*_of_verdict(one), *_of_advisories(one))]


def _of_verdict(one: Checked) -> Iterator[dict[str, Any]]:
    outcome = one.verdict.outcome
    for escape in one.verdict.escapes:
        told = f"{escape.operation} escapes ({escape.route.value}): {escape.why}"
        identity = (escape.operation, escape.route.value, escape.statement.sid or escape.statement.index)
        yield _result("escapes", "error", told, one.policy, escape.statement, identity)
    if outcome in (Outcome.UNDECIDED, Outcome.MALFORMED):
        level, told = VERDICT_RULES[outcome.value]
        yield _result(outcome.value, level, f"{told} {one.verdict.reason}", one.policy, None, (outcome.value,))


def _of_advisories(one: Checked) -> Iterator[dict[str, Any]]:
    for advisory in one.verdict.advisories:
        yield _result(
            advisory.code, ADVISORY_LEVEL, advisory.message, one.policy, advisory.statement, _identity(advisory)
        )


def _identity(advisory: Advisory) -> tuple[object, ...]:
    ref = advisory.statement
    return (advisory.code, ref and (ref.sid or ref.index))


def _result(
    code: str, level: str, told: str, policy: PolicyFile, ref: StatementRef | None, identity: tuple[object, ...]
) -> dict[str, Any]:
    digest = hashlib.sha256(repr((policy.title, *identity)).encode()).hexdigest()
    return {
        "ruleId": code,
        "level": level,
        "message": {"text": told},
        "locations": [{"physicalLocation": _location(policy, ref)}],
        "partialFingerprints": {"kmsPerimeter/v1": digest[:32]},
    }


def _location(policy: PolicyFile, ref: StatementRef | None) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(policy.name.replace("\\", "/"))}}
    line, column = _place(policy, ref)
    if line is not None:
        location["region"] = {"startLine": line, "startColumn": column or 1}
    return location


def _place(policy: PolicyFile, ref: StatementRef | None) -> tuple[int | None, int | None]:
    if policy.fault and not policy.found:
        return policy.fault.line, policy.fault.column
    place = policy.place(ref)
    return (place.line, place.column) if place else (1, 1)
