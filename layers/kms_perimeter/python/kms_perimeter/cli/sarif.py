"""SARIF 2.1.0 for code scanning: one result per escape, fault and advisory, at the statement that it is about.

Source: *Static Analysis Results Interchange Format (SARIF) Version 2.1.0*, OASIS; *SARIF support for code scanning*,
GitHub.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kms_perimeter import __version__
from kms_perimeter.cli import docs
from kms_perimeter.cli.sarif_rules import rule
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.cli.checked import Checked
    from kms_perimeter.verdict import Code, StatementRef

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERDICTS = (Outcome.ESCAPES, Outcome.UNDECIDED, Outcome.MALFORMED)


def log(checked: list[Checked]) -> dict[str, Any]:
    """The SARIF log of a run of `check`."""
    advised = sorted({advisory.code for one in checked for advisory in one.verdict.advisories})
    published = docs.address()
    codes: list[Outcome | Code] = [*VERDICTS, *advised]
    rules = [rule(code, published) for code in codes]
    places = {described["id"]: index for index, described in enumerate(rules)}
    results = [result for one in checked for result in (*_of_verdict(one), *_of_advisories(one))]
    for result in results:
        result["ruleIndex"] = places[result["ruleId"]]
        result["level"] = rules[result["ruleIndex"]]["defaultConfiguration"]["level"]
    driver = {"name": "kms-perimeter", "semanticVersion": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"version": "2.1.0", "$schema": SCHEMA, "runs": [run]}


def _of_verdict(one: Checked) -> Iterator[dict[str, Any]]:
    outcome = one.verdict.outcome
    for escape in one.verdict.escapes:
        told = f"{escape.operation} escapes ({escape.route.value}): {escape.why}"
        identity = (escape.operation, escape.route.value, escape.statement.sid or escape.statement.index)
        yield _result(Outcome.ESCAPES, told, one, escape.statement, identity)
    if outcome in (Outcome.UNDECIDED, Outcome.MALFORMED):
        yield _result(outcome, f"The policy is {outcome.value}: {one.verdict.reason}", one, None, ())


def _of_advisories(one: Checked) -> Iterator[dict[str, Any]]:
    for advisory in one.verdict.advisories:
        ref = advisory.statement
        yield _result(advisory.code, advisory.message, one, ref, (ref and (ref.sid or ref.index), advisory.message))


def _result(
    code: Outcome | Code, told: str, one: Checked, ref: StatementRef | None, identity: tuple[object, ...]
) -> dict[str, Any]:
    uri = _uri(one.file)
    digest = hashlib.sha256(repr((uri, one.resource, code.value, *identity)).encode()).hexdigest()
    named = f"{one.resource}: {told}" if one.resource else told
    result: dict[str, Any] = {
        "ruleId": code.value,
        "message": {"text": named},
        "locations": [_location(one, uri, ref)],
        "partialFingerprints": {"kmsPerimeter/v1": digest[:32]},
    }
    if one.accepted:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": one.accepted}]
    return result


def _location(one: Checked, uri: str, ref: StatementRef | None) -> dict[str, Any]:
    place = one.place_of(ref)
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    # Code scanning shows no result without a line, and a plan has none that would tell a reader anything.
    line, column = place or (1, 1)
    physical["region"] = {"startLine": line, "startColumn": column}
    location: dict[str, Any] = {"physicalLocation": physical}
    if one.resource:
        location["logicalLocations"] = [{"fullyQualifiedName": one.resource, "kind": "resource"}]
    return location


def _uri(name: str) -> str:
    """The file relative to where the command runs, which in CI is the root of the repository; `stdin` for a pipe."""
    if name == "-":
        return "stdin"
    path = Path(name)
    here = Path.cwd()
    if path.is_absolute():
        if not path.is_relative_to(here):
            return path.as_uri()
        path = path.relative_to(here)
    return quote(path.as_posix())
