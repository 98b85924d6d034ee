"""Entries of the ledger, as people read them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kms_perimeter.cli.text import Paper, print_diff, print_verdict, styled
from kms_perimeter.remedy import diff_of
from kms_perimeter.wording import at, key_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kms_perimeter.aws.ledger import Entry
    from kms_perimeter.rollback import Rollback

POLICIES = ("policy", "exposed_policy", "before", "after")
# Told by the first lines of an entry, or shown at its end, or noted for the guard itself.
APART = (*POLICIES, "diff", "outcome", "verdict", "event", "source_ip", "vpc_endpoint_id", "policy_hash", "judged_as",
         "looked", "looked_at", "reserved")  # fmt: skip


def print_entries(entries: Iterable[Entry]) -> None:
    """A story: an entry after the other, without the policies."""
    paper = Paper()
    for entry in entries:
        _print_head(paper, entry)
        _print_facts(paper, entry)


def print_entry(entry: Entry) -> None:
    """One entry with everything that it tells."""
    paper = Paper()
    _print_head(paper, entry)
    _print_facts(paper, entry)
    for name in POLICIES:
        if text := entry.facts.get(name):
            paper.line((f"{name.replace('_', ' ')}:", "bold"), indent=1)
            for line in _laid_out(text).splitlines():
                paper.line(line, indent=1)
    if change := _change(entry):
        paper.line(("the change:", "bold"), indent=1)
        print_diff(paper, change)


def print_rollback(planned: Rollback) -> None:
    """What a rollback would do."""
    paper, entry = Paper(), planned.entry
    told = f": back to the policy of the entry {entry.id} ({entry.kind.word}, {at(entry.at)})"
    paper.line((planned.key_arn, "bold"), told)
    print_diff(paper, planned.diff)
    if planned.verdict is None:
        paper.line("no perimeter applies to the key, so the policy is not judged")
    else:
        paper.line("this policy: ", styled(planned.verdict.outcome.value), f" (perimeter {planned.verdict.perimeter})")
        print_verdict(paper, planned.verdict, None)
    for loss in planned.losses:
        paper.line(f"lost: {loss}")


def _print_head(paper: Paper, entry: Entry) -> None:
    outcome = entry.facts.get("outcome")
    found = (", ", styled(outcome)) if outcome else ()
    paper.line(f"{at(entry.at)}  {entry.id}  ", (entry.kind.word, "bold"), *found, f"  {key_id(entry.key_arn)}")


def _print_facts(paper: Paper, entry: Entry) -> None:
    paper.line(_who(entry), indent=1)
    told = {name: value for name, value in entry.facts.items() if name not in APART and value}
    for name, value in sorted(told.items()):
        for line in IN_WORDS[name](json.loads(value)) if name in IN_WORDS else (value,):
            paper.line(f"{name.replace('_', ' ')}: {line}", indent=1)


def _proofs(proofs: list[dict[str, Any]]) -> Iterator[str]:
    """How many hold, and those that do not; `--format json` has all of them."""
    missed = [proof for proof in proofs if not proof["holds"]]
    yield f"{len(proofs) - len(missed)} of {len(proofs)} hold"
    for proof in missed:
        yield f"not so{'' if proof['binding'] else ' (told, and no reason to refuse)'}: {proof['sentence']}"


def _exposure(exposure: dict[str, Any]) -> Iterator[str]:
    """The time in which the key was open."""
    opened, closed = (when and at(datetime.fromisoformat(when)) for when in (exposure["from"], exposure["to"]))
    by = f", opened by {exposure['opened_by']}" if exposure["opened_by"] else ""
    yield f"from {opened or 'a time that is not known'} to {closed}{by}"


IN_WORDS: dict[str, Callable[[Any], Iterable[str]]] = {"exposure": _exposure, "losses": iter, "proofs": _proofs}
"""What the ledger keeps as JSON."""


def _who(entry: Entry) -> str:
    facts = entry.facts
    parts = [f"by {entry.actor}" if entry.actor else "by nobody known"]
    parts += [facts["event"]] if "event" in facts else []
    parts += [f"from {facts['source_ip']}"] if "source_ip" in facts else []
    parts += [f"through {facts['vpc_endpoint_id']}"] if "vpc_endpoint_id" in facts else []
    return f"{', '.join(parts)} (cause {entry.cause})"


def _change(entry: Entry) -> str:
    before, after = entry.facts.get("before"), entry.facts.get("after")
    try:
        return entry.facts.get("diff") or (diff_of(before, after) if before and after else "")
    except ValueError:  # what is no JSON cannot be laid out, and stands above as it is
        return ""


def _laid_out(policy: str) -> str:
    try:
        return json.dumps(json.loads(policy), indent=2, ensure_ascii=False)
    except ValueError:
        return policy
