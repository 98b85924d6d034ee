"""Telling: what a decision becomes, as a message for people and as an entry for the ledger."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from kms_perimeter import cloudtrail, message, sweep
from kms_perimeter.approval import ask_about
from kms_perimeter.aws.ledger import Entry, Finding, Kind, Settlement
from kms_perimeter.comparison import weaker
from kms_perimeter.decision import Decision, DecisionKind, Severity
from kms_perimeter.errors import LedgerConflict
from kms_perimeter.evidence import NO_PERIMETER, Report, report_on
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.message import Matter
from kms_perimeter.planning import plan_facts, plan_for, why_not
from kms_perimeter.recollection import facts_of
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from kms_perimeter.aws.ledger import Opening
    from kms_perimeter.case import Case
    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.errors import AccessIsDenied
    from kms_perimeter.evidence import Guard
    from kms_perimeter.message import Message

# These stand where the outcome of a verdict would.
UNREADABLE = "unreadable"
UNWATCHED = "unwatched"


def announce(guard: Guard, case: Case, decision: Decision) -> bool:
    """Tells people of a decision. Where the mode is to ask, the question is in the ledger before it is asked.

    Returns:
        Whether the message about what comes of an order is counted already, and need not wait for the digest.
    """
    about = matter(guard, case)
    if decision.closes_exposure:
        guard.alerts.publish(message.exposure_closed(about, case.exposure(), case.carried))
    elif decision.kind is DecisionKind.ASK:
        _ask(guard, case, decision)
    elif decision.kind is DecisionKind.CONTESTED:
        start = guard.now() - guard.settings.contested_window
        times, plan = case.state.remediations_since(start), plan_for(guard, case.evidence)
        guard.alerts.publish(message.contested(about, times, plan, _openers(guard, case, start)))
    else:
        tells_how = decision.kind is DecisionKind.ALERT and case.judged.outcome is Outcome.ESCAPES
        plan_shown = plan_for(guard, case.evidence) if tells_how else None
        ordered = decision.kind is DecisionKind.REMEDIATE
        return guard.alerts.publish(message.alert(about, decision, plan_shown), to_come=1 if ordered else 0) and ordered
    return False


def _ask(guard: Guard, case: Case, decision: Decision) -> None:
    plan = plan_for(guard, case.evidence)
    facts = {"policy_hash": fingerprint(case.evidence.policy), "before": case.evidence.policy, **plan_facts(plan)}
    if reason := why_not(plan):
        guard.alerts.publish(message.refused(matter(guard, case), reason=reason, diff=plan.diff))
        with suppress(LedgerConflict):  # an earlier run has got so far
            guard.ledger.write(entry(case.evidence.change, Kind.REFUSED, {**facts, "reason": reason}))
        return
    ask = ask_about(case.evidence, plan, guard.now())
    guard.asks.put(ask, entry(case.evidence.change, Kind.PROPOSED, {**facts, "ask": ask.id}))
    buttons = guard.settings.answers_queue_url is not None
    guard.alerts.publish(message.asked(matter(guard, case), decision, plan, ask.id, buttons=buttons))


def _openers(guard: Guard, case: Case, start: datetime) -> Iterator[str]:
    """Who has opened the key since then, the last one first."""
    if case.evidence.change.event_name not in sweep.NOBODYS:
        yield case.evidence.change.actor
    recent = takewhile(lambda past: past.at >= start, guard.ledger.entries(case.key_arn))
    opened = (past for past in recent if past.kind is Kind.VERDICT and past.facts.get("outcome") == Outcome.ESCAPES)
    yield from (past.actor for past in opened if past.facts.get("event") not in sweep.NOBODYS)


def moved_to(guard: Guard, case: Case) -> Message | None:
    """What to say of a key that has come under a weaker perimeter than the one it was settled under."""
    settled, after = case.state.settled, case.evidence.perimeter
    if settled is None or settled.perimeter in ("", after.name):
        return None
    before = next((known for known in guard.perimeters.perimeters if known.name == settled.perimeter), None)
    if before is None:
        return None
    ways = weaker(before, after, case.evidence.key)
    return message.moved(matter(guard, case), before=before.name, after=after.name, weaker=ways) if ways else None


def matter(guard: Guard, case: Case) -> Matter:
    """What a message is about; a sweep is no call that anybody made, and for a look nobody is known."""
    change, opening = case.evidence.change, case.state.opening
    about = Matter(
        change.key_arn,
        case.judged,
        since=opening.at if opening else None,
        docs=guard.settings.docs_url,
        aliases=case.evidence.key.aliases or (),
    )
    if change.event_name in sweep.NOBODYS:
        return replace(about, change=change if change.event_name == sweep.SWEEP else None, cause=change.event_id)
    return replace(about, change=change, outside=cloudtrail.came_from_outside(change, case.evidence.perimeter))


def tell_unreadable(guard: Guard, change: KeyChange, refusal: AccessIsDenied) -> Report:
    """A key that cannot be read may be open: silence would hide it. Told once, until it can be read again."""
    finding, cause = Finding(UNREADABLE, "", ""), None if change.event_name == sweep.SWEEP else change
    state = guard.ledger.observe(change.key_arn, finding, guard.now())
    if state.settled != finding:
        docs = guard.settings.docs_url
        told = message.unreadable(change.key_arn, reason=str(refusal), change=cause, docs=docs)
        tell_once(guard, change, finding, told, str(refusal), state.opening)
    return report_on(change, UNREADABLE, str(refusal))


def tell_unwatched(guard: Guard, change: KeyChange) -> Report:
    """A key that no perimeter applies to is none of the guard's business, but that it has left one is news.

    Else whoever may change a tag or an alias could open a key behind the guard's back.
    """
    state = guard.ledger.state(change.key_arn)
    finding, settled = Finding(UNWATCHED, "", ""), state.settled
    if settled is None or settled == finding:
        return report_on(change, "ignored", NO_PERIMETER)
    reason = f"no perimeter applies to the key any more; it was under `{settled.perimeter}`"
    judged = Verdict(Outcome.UNDECIDED, None, "", reason=reason)
    called = None if change.event_name == sweep.SWEEP else change
    about = Matter(change.key_arn, judged, called, docs=guard.settings.docs_url)
    decision = Decision(DecisionKind.ALERT, "it is under no perimeter", Severity.HIGH)
    tell_once(guard, change, finding, message.alert(about, decision), reason, state.opening)
    return report_on(change, UNWATCHED, reason)


def tell_once(
    guard: Guard, change: KeyChange, finding: Finding, told: Message, reason: str, opening: Opening | None
) -> None:
    """Tells of a finding that is no verdict, and records and settles it; an open key stays as open as it was."""
    now = guard.now()
    guard.ledger.claim(change.key_arn, finding, now)
    guard.alerts.publish(told)
    facts = {"outcome": finding.outcome, "reason": reason}
    guard.ledger.record(entry(change, Kind.VERDICT, facts), Settlement(finding, now, opening=opening))


def verdict_entry(case: Case, decision: Decision, *, reserved: bool = False) -> Entry:
    """The ledger's entry for a new finding; `reserved` as `announce` returns it."""
    evidence, judged = case.evidence, case.judged
    facts = {
        "outcome": judged.outcome.value,
        "perimeter": evidence.perimeter.name,
        "policy_hash": fingerprint(evidence.policy),
        "policy": evidence.policy,
        "verdict": json.dumps(judged.to_json()),
        "judged_as": json.dumps({"spec": evidence.key.spec, "tags": evidence.key.tags}),
        "decision": decision.kind.value,
        "reason": decision.reason,
    }
    if evidence.perimeter_version:
        facts["perimeter_version"] = evidence.perimeter_version
    if decision.kind is DecisionKind.REMEDIATE:  # what the order need not read again
        facts |= facts_of(evidence, reserved=reserved)
    if case.carried:
        facts["exposed_policy"] = str(evidence.change.policy)
    if decision.closes_exposure:
        facts["exposure"] = json.dumps(case.exposure().to_json())
    return entry(evidence.change, Kind.VERDICT, facts)


def entry(change: KeyChange, kind: Kind, facts: Mapping[str, str]) -> Entry:
    """An entry of the ledger about a key, caused by a change."""
    origin = {"event": change.event_name, "source_ip": change.source_ip, "vpc_endpoint_id": change.vpc_endpoint_id}
    known = {name: value for name, value in origin.items() if value}
    return Entry(change.key_arn, change.time, change.event_id, kind, change.actor, {**known, **facts})
