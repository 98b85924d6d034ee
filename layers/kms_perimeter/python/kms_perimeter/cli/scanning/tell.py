"""A fleet for people: what is open first, and what is enclosed as a number."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from kms_perimeter.cli import text
from kms_perimeter.cli.text import Paper
from kms_perimeter.fleet import Skipped, Standing
from kms_perimeter.wording import at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.fleet import Fleet, KeyFinding
    from kms_perimeter.remedy import Plan
    from kms_perimeter.verdict import Verdict

STYLES = {
    Standing.OPEN: "bold red",
    Standing.MALFORMED: "bold magenta",
    Standing.UNDECIDED: "bold yellow",
    Standing.UNREADABLE: "bold yellow",
    Standing.EXCEPTED: "bold cyan",
    Standing.UNWATCHED: "bold",
    Standing.ENCLOSED: "bold green",
}
QUIET = (Standing.UNWATCHED, Standing.ENCLOSED)  # of which there are many, and nothing more to say
SKIPPED = {
    Skipped.AWS_MANAGED: "AWS managed",
    Skipped.PENDING_DELETION: "pending deletion",
    Skipped.GONE: "gone meanwhile",
}


def rendered(fleet: Fleet, *, every: bool) -> str:
    """The same as text for a file."""
    written = StringIO()
    print_fleet(fleet, every=every, paper=Paper(written))
    return written.getvalue()


def print_fleet(fleet: Fleet, *, every: bool, paper: Paper | None = None) -> None:
    """Each key that is not enclosed, then the numbers.

    Args:
        fleet: the keys.
        every: whether to list the enclosed and the unwatched keys too.
        paper: where to print; by default on standard output.
    """
    paper = paper or Paper()
    told = [finding for standing in Standing if every or standing not in QUIET for finding in fleet.of(standing)]
    for alike in _alike(told):
        _print_keys(paper, alike)
    for one in fleet.unscanned:
        paper.line((f"{one.account} {one.region}", "bold"), ": ", ("not scanned", "bold yellow"), f": {one.reason}")
    text.print_read_on(paper, [finding.verdict for finding in told if finding.verdict])
    _print_numbers(paper, fleet)


def _alike(findings: Iterable[KeyFinding]) -> Iterable[list[KeyFinding]]:
    """The keys of which the very same is to be told, such as all that have KMS's default policy."""
    groups: dict[tuple[object, ...], list[KeyFinding]] = {}
    for finding in findings:
        groups.setdefault(_said_of(finding), []).append(finding)
    return groups.values()


def _said_of(finding: KeyFinding) -> tuple[object, ...]:
    verdict, plan = finding.verdict, finding.plan
    planned = plan and (plan.refused, plan.diff, plan.losses, plan.proofs, _said_by(plan.verdict))
    of_key = finding.standing, finding.perimeter, finding.key_usage, finding.unreadable, finding.exception
    return (*of_key, verdict and _said_by(verdict), planned)


def _said_by(verdict: Verdict) -> tuple[object, ...]:
    escapes = tuple((e.statement, e.route, e.operation, e.why, text.told(e.request)) for e in verdict.escapes)
    return (verdict.outcome, verdict.reason, escapes, verdict.advisories)


def _print_keys(paper: Paper, alike: list[KeyFinding]) -> None:
    for finding in alike:
        _print_name(paper, finding)
    if len(alike) > 1 and alike[0].standing not in QUIET:
        paper.line((f"all {len(alike)} alike:", "bold"), indent=1)
    _print_what_is_said(paper, alike[0])


def _print_name(paper: Paper, finding: KeyFinding) -> None:
    standing = (finding.standing.value, STYLES[finding.standing])
    under = f" (perimeter {finding.perimeter}, key usage {finding.key_usage})" if finding.perimeter else ""
    named = f" {finding.aliases[0]}" if finding.aliases else ""
    paper.line((f"{finding.arn}{named}", "bold"), ": ", standing, under)
    if finding.opened:
        paper.line(f"open since {at(finding.opened.at)}, by {finding.opened.actor}", indent=1)


def _print_what_is_said(paper: Paper, finding: KeyFinding) -> None:
    if finding.unreadable:
        paper.line(finding.unreadable, indent=1)
    if finding.exception:
        told = f"{finding.exception.owner} answers for it until {finding.exception.expires}: {finding.exception.reason}"
        paper.line(told, indent=1)
    if finding.verdict:
        text.print_verdict(paper, finding.verdict, None)
    if finding.plan:
        _print_plan(paper, finding.plan)


def _print_plan(paper: Paper, plan: Plan) -> None:
    """What `enforce` would do; nothing of it is done."""
    if plan.refused is not None:
        paper.line(("enforce", "bold"), " would ", ("refuse", "bold red"), f": {plan.refused}")
    elif plan.changed:
        paper.line(("enforce", "bold"), " would ", ("close it", "bold green"), f" by the strategy {plan.strategy}:")
    else:
        paper.line(("enforce", "bold"), " would change nothing")
    text.print_change(paper, plan)


def _print_numbers(paper: Paper, fleet: Fleet) -> None:
    seconds = int((fleet.ended - fleet.started).total_seconds())
    counts = {standing: count for standing, count in fleet.counts().items() if count}
    told: list[str | tuple[str, str]] = []
    for standing, count in counts.items():
        told += [", " if told else "", (f"{count} {standing.value}", STYLES[standing])]
    keys = f"{len(fleet.findings)} key{'' if len(fleet.findings) == 1 else 's'}"
    paper.line(("in all: ", "bold"), f"{keys} in {seconds} s", ": " if told else "", *told)
    left_out = [f"{fleet.skipped[reason]} {word}" for reason, word in SKIPPED.items() if fleet.skipped.get(reason)]
    if left_out:
        paper.line(("skipped: ", "bold"), ", ".join(left_out))
    if not fleet.findings and not fleet.unscanned:
        paper.line(("note: ", "bold"), "no key to be judged is there; --region and --all-regions look elsewhere")
    if fleet.findings and counts.keys() <= {Standing.UNWATCHED}:
        paper.line(("note: ", "bold"), "no perimeter is for any of these keys, so nothing was proved")
    _print_plans(paper, fleet)


def _print_plans(paper: Paper, fleet: Fleet) -> None:
    plans = [finding.plan for finding in fleet.findings if finding.plan]
    if plans:
        refused = sum(plan.refused is not None for plan in plans)
        paper.line(("enforce: ", "bold"), f"would close {len(plans) - refused}, and refuse {refused}")
