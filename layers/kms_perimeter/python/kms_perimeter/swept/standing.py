"""How a key stands, by what the ledger has of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kms_perimeter import remedy
from kms_perimeter.evidence import restrained
from kms_perimeter.fleet import KeyFinding, Opened
from kms_perimeter.perimeter import Strategy
from kms_perimeter.swept.recalled import key_in, verdict_in
from kms_perimeter.telling import UNREADABLE, UNWATCHED
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import date

    from kms_perimeter.aws.ledger import Entry, Finding, Known, Past
    from kms_perimeter.perimeter import Mode, Perimeter, PerimeterFile
    from kms_perimeter.policy.key import Key
    from kms_perimeter.remedy import Plan, Standpoint

CONTESTED = "the guard leaves the key alone: its policy was put back again and again"
WITHOUT_DETAILS = "its verdict is not among the last entries of the ledger: somebody keeps changing the key"


@dataclass(frozen=True, slots=True)
class Rules:
    """What keys were judged by.

    Attributes:
        perimeters: the perimeter file.
        most: the most that the deployment may do.
        standpoint: who changes policies, or None where nobody does.
        today: the day by which exceptions expire.
        last_enclosed: the last enclosed policy of a key, or None; what the strategy `restore` puts back.
        plans: those made so far, by all that they depend on.
    """

    perimeters: PerimeterFile
    most: Mode
    standpoint: Standpoint | None
    today: date
    last_enclosed: Callable[[str], str | None]
    plans: dict[Hashable, Plan] = field(default_factory=dict, hash=False, compare=False)

    def named(self, name: str) -> Perimeter | None:
        """The perimeter of that name, with the mode that the deployment allows."""
        found = next((perimeter for perimeter in self.perimeters.perimeters if perimeter.name == name), None)
        return restrained(found, self.most) if found else None

    def plan(self, policy: str, key: Key, applies: Perimeter) -> Plan:
        """What would close the key: made once for keys that have all in common, as those of one template have."""
        restores = applies.strategy is Strategy.RESTORE
        its_own = key.key_id if restores or str(key.key_id) in policy else key.is_multi_region
        alike = (policy, applies.name, key.usage, key.spec, json.dumps(key.tags, sort_keys=True), its_own)
        if alike in self.plans:
            return self.plans[alike]
        last_enclosed = self.last_enclosed(str(key.arn)) if restores else None
        plan = remedy.plan(policy, key, applies, standpoint=self.standpoint, last_enclosed=last_enclosed)
        if plan.verdict.outcome is Outcome.ENCLOSED:  # else its counterexamples are about this very key
            self.plans[alike] = plan
        return plan


def finding_of(blank: KeyFinding, known: Known, finding: Finding, past: Callable[[], Past], rules: Rules) -> KeyFinding:
    """How a key stands that was looked at.

    Args:
        blank: the key, of which nothing is said yet.
        known: what the ledger knows of it.
        finding: what was found last.
        past: what was recorded about that; asked for only where there is something to tell.
        rules: what it was judged by.
    """
    if finding.outcome == UNWATCHED:
        return blank
    applies = rules.named(finding.perimeter)
    found = replace(blank, perimeter=finding.perimeter or None, mode=applies.mode.value if applies else None)
    if finding.outcome == Outcome.ENCLOSED:  # so are most, and there is nothing more to tell of them
        return replace(found, verdict=Verdict(Outcome.ENCLOSED, finding.perimeter, ""))
    recorded = past()
    exception = rules.perimeters.exception_for(known.key_arn, rules.today, known.state.exception)
    found = replace(found, exception=exception, opened=_opened(known, recorded.verdict))
    if finding.outcome == UNREADABLE:
        reason = recorded.verdict.facts.get("reason") if recorded.verdict else None
        return replace(found, unreadable=reason or "the key cannot be read")
    if recorded.verdict is None:
        return replace(found, verdict=Verdict(Outcome(finding.outcome), finding.perimeter, "", reason=WITHOUT_DETAILS))
    return _judged(found, known, recorded, recorded.verdict, applies, rules)


def _judged(
    found: KeyFinding, known: Known, recorded: Past, entry: Entry, applies: Perimeter | None, rules: Rules
) -> KeyFinding:
    judged = verdict_in(entry)
    key = key_in(entry, judged.key_usage)
    found = replace(
        found,
        key_usage=key.usage,
        key_spec=key.spec,
        tags=key.tags,
        policy=entry.facts["policy"],
        verdict=judged,
    )
    if judged.outcome is not Outcome.ESCAPES or found.exception or applies is None:
        return found
    plan = rules.plan(entry.facts["policy"], key, applies)
    return replace(found, plan=_with_refusal(plan, known, recorded))


def _with_refusal(plan: Plan, known: Known, recorded: Past) -> Plan:
    """The plan with what has kept the guard from it: it saw more than the ledger has, such as the key's grants."""
    if known.state.contested_since:
        return replace(plan, refused=CONTESTED)
    return replace(plan, refused=recorded.refused) if recorded.refused else plan


def _opened(known: Known, entry: Entry | None) -> Opened | None:
    """Since when the key is open; with the call that opened it, where the verdict is about that very call."""
    opening = known.state.opening
    if opening is None:
        return None
    if entry is None or not opening.by or (entry.at, entry.actor) != (opening.at, opening.by):
        return Opened(opening.at, opening.by or "the sweep")
    facts = entry.facts
    return Opened(opening.at, opening.by, facts.get("event", ""), facts.get("source_ip"), facts.get("vpc_endpoint_id"))
