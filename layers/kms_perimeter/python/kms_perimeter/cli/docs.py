"""Where a person reads on about a verdict or an advisory: its page where docs/ is published, else `explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.verdict import Verdict

MOST_PRESSING = (Outcome.ESCAPES, Outcome.MALFORMED, Outcome.UNDECIDED)


def address() -> str:
    """Where docs/ is published, as ``--docs-url`` or its variable says; empty where nothing is said."""
    context = click.get_current_context(silent=True)
    return str(context.find_root().params.get("docs_url") or "") if context else ""


def read_on(verdicts: Iterable[Verdict]) -> str:
    """One line for all that is told: the page that matters most, or the command that prints all; empty for nothing."""
    from kms_perimeter import pages  # noqa: PLC0415 - only for who has something to tell

    told = list(verdicts)
    outcomes = [outcome for outcome in MOST_PRESSING if outcome in {verdict.outcome for verdict in told}]
    codes = list(dict.fromkeys(advisory.code for verdict in told for advisory in verdict.advisories))
    published = address()
    if not outcomes and not codes:
        return ""
    if not published:
        return f"kms-perimeter explain {' '.join(each.value for each in (*outcomes, *codes))}"
    return pages.of_outcome(outcomes[0], published) if outcomes else pages.of_advisory(codes[0], published)
