"""What the page knows of each key: a row for everyone, and details, kept once where many keys have the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kms_perimeter import pages
from kms_perimeter.fleet import Standing
from kms_perimeter.report.paths import paths_of
from kms_perimeter.verdict import Code, Outcome
from kms_perimeter.wording import console, named, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.fleet import Fleet, KeyFinding
    from kms_perimeter.perimeter import PolicyException
    from kms_perimeter.remedy import Plan
    from kms_perimeter.verdict import Advisory

COLUMNS = (
    "standing",
    "arn",
    "aliases",
    "perimeter",
    "mode",
    "kind",
    "tags",
    "opened",
    "enforce",
    "console",
    "detail",
)
EXPLAINED = {
    Standing.OPEN: Outcome.ESCAPES,
    Standing.UNDECIDED: Outcome.UNDECIDED,
    Standing.MALFORMED: Outcome.MALFORMED,
    Standing.UNREADABLE: Outcome.UNDECIDED,  # its page says what to do about both
}
WORTH_KEEPING = 24  # characters; a place takes a few itself


class Kept:
    """Texts, lists and objects, each kept once, and named by its place where it stands in another.

    Keys made by one template have the same to tell, and those of different templates still have statements, diffs and
    operations in common. Nothing that is kept is a number, so each number in it is a place.
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, detail: Mapping[str, Any]) -> int:
        """The place of a detail; -1 where there is nothing to tell."""
        told = {name: self._shortened(value) for name, value in detail.items() if value}
        return self._place(json.dumps(told)) if told else -1

    def all(self) -> list[Any]:
        """Everything that is kept, in its place; what it is made of comes before it."""
        return [json.loads(text) for text in self._places]

    def _place(self, text: str) -> int:
        return self._places.setdefault(text, len(self._places))

    def _shortened(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value but a number
        if isinstance(value, dict):
            value = {name: self._shortened(member) for name, member in value.items()}
        elif isinstance(value, list):
            value = [self._shortened(member) for member in value]
        text = json.dumps(value)
        return value if len(text) < WORTH_KEEPING else self._place(text)


def data_of(fleet: Fleet, days: list[dict[str, Any]], docs: str = "") -> dict[str, Any]:
    """Everything that the page's script draws.

    Args:
        fleet: the keys, the most urgent first.
        days: how the fleet stood day by day.
        docs: where docs/ is published, or empty.
    """
    kept = Kept()
    order = {standing: place for place, standing in enumerate(Standing)}
    keys = [_row(finding, kept) for finding in sorted(fleet.findings, key=lambda f: order[f.standing])]
    return {
        "ended": fleet.ended.isoformat(),
        "standings": [standing.value for standing in Standing],
        "columns": list(COLUMNS),
        "keys": keys,
        "kept": kept.all(),
        "days": days,
        "pages": _pages(docs),
    }


def _pages(docs: str) -> dict[str, str]:
    """Where each verdict that needs it is explained, and each advisory: a page, or the command that prints it."""
    if not docs:
        return {standing.value: f"kms-perimeter explain {outcome.value}" for standing, outcome in EXPLAINED.items()}
    verdicts = {standing.value: pages.of_outcome(outcome, docs) for standing, outcome in EXPLAINED.items()}
    return verdicts | {code.value: pages.of_advisory(code, docs) for code in Code}


def _row(finding: KeyFinding, kept: Kept) -> list[Any]:
    opened = finding.opened
    watched = finding.standing not in (Standing.ENCLOSED, Standing.UNWATCHED)
    return [
        finding.standing.value,
        finding.arn,
        list(finding.aliases),
        finding.perimeter or "",
        finding.mode or "",
        " ".join(part for part in (finding.key_usage, finding.key_spec, finding.state) if part),
        [f"{name}={value}" for name, value in (finding.tags or {}).items()],
        opened.to_json() if opened else None,
        _enforce(finding.plan),
        console(finding.arn) if watched else "",
        kept.place(_detail(finding)),
    ]


def _enforce(plan: Plan | None) -> str:
    if plan is None:
        return ""
    return "refuses" if plan.refused else "closes" if plan.changed else "changes nothing"


def _detail(finding: KeyFinding) -> dict[str, Any]:
    verdict = finding.verdict
    reason = finding.unreadable or (verdict.reason if verdict else None)
    return {
        "reason": sentence(reason) if reason else "",
        "exception": _exception(finding.exception) if finding.exception else "",
        "paths": [path.to_json() for path in paths_of(finding)],
        "advisories": [_advisory(advisory) for advisory in verdict.advisories] if verdict else [],
        "plan": _plan(finding.plan) if finding.plan else None,
    }


def _exception(exception: PolicyException) -> str:
    return f"{exception.owner} answers for it until {exception.expires.isoformat()}: {sentence(exception.reason)}"


def _advisory(advisory: Advisory) -> dict[str, str]:
    place = f"{named(advisory.statement)}: " if advisory.statement else ""
    return {"code": advisory.code, "message": f"{place}{sentence(advisory.message)}"}


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "strategy": plan.strategy.value,
        "refused": sentence(plan.refused) if plan.refused else "",
        "diff": plan.diff,
        "losses": [sentence(loss) for loss in plan.losses],
        "proofs": [{"holds": proof.holds, "sentence": sentence(proof.sentence)} for proof in plan.proofs],
    }
