"""A fleet as a table: one line for each key, for spreadsheets and for `cut` and `sort`."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.fleet import Fleet, KeyFinding

COLUMNS = (
    "account",
    "region",
    "arn",
    "aliases",
    "standing",
    "perimeter",
    "mode",
    "key_usage",
    "key_spec",
    "state",
    "routes",
    "operations",
    "why",
    "advisories",
    "exception_owner",
    "exception_expires",
    "opened_at",
    "opened_by",
    "enforce",
    "enforce_refused",
)
# A spreadsheet runs a cell that begins with one of these as a formula, and somebody else may have written the alias.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(fleet: Fleet) -> str:
    """The table, with a line of names at its head (RFC 4180)."""
    written = StringIO(newline="")
    writer = csv.DictWriter(written, COLUMNS)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in _row(finding).items()} for finding in fleet.findings)
    return written.getvalue()


def _row(finding: KeyFinding) -> dict[str, str]:
    return {
        "account": finding.account,
        "region": finding.region,
        "arn": finding.arn,
        "aliases": " ".join(finding.aliases),
        "standing": finding.standing.value,
        "perimeter": finding.perimeter or "",
        "mode": finding.mode or "",
        "key_usage": finding.key_usage,
        "key_spec": finding.key_spec,
        "state": finding.state,
        **_of_verdict(finding),
        **_of_people(finding),
        **_of_plan(finding),
    }


def _of_verdict(finding: KeyFinding) -> dict[str, str]:
    verdict = finding.verdict
    escapes = verdict.escapes if verdict else ()
    reason = finding.unreadable or (verdict.reason if verdict else None) or ""
    return {
        "routes": _words(escape.route.value for escape in escapes),
        "operations": _words(escape.operation for escape in escapes),
        "why": escapes[0].why if escapes else reason,
        "advisories": _words(advisory.code for advisory in verdict.advisories) if verdict else "",
    }


def _of_people(finding: KeyFinding) -> dict[str, str]:
    exception, opened = finding.exception, finding.opened
    return {
        "exception_owner": exception.owner if exception else "",
        "exception_expires": exception.expires.isoformat() if exception else "",
        "opened_at": opened.at.isoformat() if opened else "",
        "opened_by": opened.actor if opened else "",
    }


def _of_plan(finding: KeyFinding) -> dict[str, str]:
    if finding.plan is None:
        return {"enforce": "", "enforce_refused": ""}
    return {"enforce": "refuse" if finding.plan.refused else "close", "enforce_refused": finding.plan.refused or ""}


def _words(words: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(words))


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
