"""What the commands print for people: colours on a terminal only, and none where NO_COLOR is set."""

from __future__ import annotations

from collections import Counter
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from kms_perimeter.cli import colour, docs
from kms_perimeter.cloudtrail import Ignored
from kms_perimeter.remedy import ProofCode
from kms_perimeter.verdict import Outcome
from kms_perimeter.wording import grouped, named

if TYPE_CHECKING:
    from kms_perimeter.aws.ledger import Ask
    from kms_perimeter.cli.checked import Checked
    from kms_perimeter.cli.replay import Replayed
    from kms_perimeter.policy.evaluator import Evaluation
    from kms_perimeter.remedy import Plan
    from kms_perimeter.verdict import Request, StatementRef, Verdict

STYLES = {
    "enclosed": "bold green",
    "allowed": "bold yellow",
    "escapes": "bold red",
    "undecided": "bold yellow",
    "malformed": "bold magenta",
    "explicit-deny": "bold red",
    "implicit-deny": "bold red",
    "remediate": "bold red",
    "contested": "bold red",
    "alert": "bold yellow",
    "ask": "bold yellow",
    "refused": "bold red",
    "changed": "bold green",
}


class Paper:
    """Lines for standard output or a file; nothing in them is taken for markup or obeyed by the terminal."""

    def __init__(self, file: IO[str] | None = None) -> None:
        options = colour.of_console()
        self._console = Console(file=file, soft_wrap=True, highlight=False, markup=False, emoji=False, **options)

    def line(self, *parts: str | tuple[str, str], indent: int = 0) -> None:
        """One line of plain and styled parts."""
        shown = [_printable(part) if isinstance(part, str) else (_printable(part[0]), part[1]) for part in parts]
        self._console.print(Text.assemble("  " * indent, *shown))


def _printable(text: str) -> str:
    """The text without control characters: a policy's author must not be able to write to a reviewer's terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def styled(word: str) -> tuple[str, str]:
    """A word of the vocabulary in its colour."""
    return (word, STYLES.get(word, "bold"))


def print_checked(checked: list[Checked], why: str | None) -> None:
    """The verdicts of `check`."""
    paper = Paper()
    for one in checked:
        verdict = one.verdict
        paper.line((one.name, "bold"), ": ", styled(verdict.outcome.value), f" ({_judged_as(verdict)})")
        print_verdict(paper, verdict, one)
    print_read_on(paper, [one.verdict for one in checked])
    if why:
        paper.line(("note: ", "bold"), f"judged by the perimeter {why}")
    if len(checked) > 1:
        counts = Counter(one.verdict.outcome for one in checked)
        told = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
        paper.line(("in all: ", "bold"), f"{len(checked)} policies, {told}")


def print_read_on(paper: Paper, verdicts: list[Verdict]) -> None:
    """Where a person reads on about what has been told, in one line."""
    if place := docs.read_on(verdicts):
        paper.line(("read on: ", "bold"), place)


def print_plan(plan: Plan, name: str, why: str | None, out: str | None, paper: Paper | None = None) -> None:
    """A plan, as `fix` makes it."""
    paper = paper or Paper()
    if plan.refused is not None:
        paper.line((name, "bold"), ": ", styled("refused"), f": {plan.refused}")
    elif not plan.changed:
        paper.line((name, "bold"), ": ", styled("enclosed"), " already, nothing to do")
    else:
        paper.line((name, "bold"), ": ", styled("changed"), f" by the strategy {plan.strategy}, and proved:")
    print_change(paper, plan)
    if out and plan.refused is None:
        paper.line(f"written to {out}")
    if why:
        paper.line(("note: ", "bold"), f"judged by the perimeter {why}")


def print_change(paper: Paper, plan: Plan) -> None:
    """What a plan changes, and what was shown of it."""
    print_diff(paper, plan.diff)
    if plan.changed or plan.refused is not None:
        paper.line("the new policy: ", styled(plan.verdict.outcome.value), f" ({_judged_as(plan.verdict)})")
        print_verdict(paper, plan.verdict, None)
    _print_proofs(paper, plan)


def _print_proofs(paper: Paper, plan: Plan) -> None:
    """What was to be shown of a plan, and what it takes away."""
    for proof in plan.proofs:
        word = ("shown", "green") if proof.holds else ("not so", "bold red" if proof.binding else "bold yellow")
        lost = proof.code is ProofCode.NOTHING_LOST and plan.losses
        sentence = "inside the perimeter, something is lost" if lost else proof.sentence
        paper.line(word, f": {sentence}{'' if proof.holds or proof.binding else ' (told, and no reason to refuse)'}")
        for loss in plan.losses if lost else ():
            paper.line(loss, indent=1)


def print_ask(ask: Ask) -> None:
    """A question of the guard's, as `approve` puts it."""
    paper = Paper()
    paper.line((ask.key_arn, "bold"), f": asked on {ask.asked_at}, by the strategy {ask.plan.get('strategy')}")
    print_diff(paper, ask.diff)
    paper.line("the new policy: ", styled(str(ask.plan.get("verdict"))))


def print_evaluated(evaluated: list[tuple[Request, Evaluation]]) -> None:
    """The decisions of `evaluate`."""
    paper = Paper()
    for request, evaluation in evaluated:
        route = f" (route {evaluation.route.value})" if evaluation.route else ""
        paper.line(f"{request.action} by {request.principal}: ", styled(evaluation.decision), route)
        for ref, effect in evaluation.statements:
            paper.line(f"{effect} by {named(ref)}", indent=1)


def print_replayed(replayed: list[Replayed]) -> None:
    """What `replay` found."""
    paper = Paper()
    for one in replayed:
        if isinstance(one.read, Ignored):
            paper.line((one.file, "bold"), ": ignored, ", (one.read.reason.value, "bold"), f": {one.read.detail}")
            continue
        _print_change(paper, one)
    print_read_on(paper, [one.verdict for one in replayed if one.verdict])


def _print_change(paper: Paper, one: Replayed) -> None:
    change = one.read
    assert not isinstance(change, Ignored)  # noqa: S101 - for the type checker; the caller has looked
    paper.line((one.file, "bold"), f": {change.event_name} on {change.key_arn}")
    through = f" through {change.vpc_endpoint_id}" if change.vpc_endpoint_id else ""
    outside = {True: ", itself outside the perimeter", False: ", itself inside the perimeter", None: ""}[one.outside]
    paper.line(f"by {change.actor}", indent=1)
    paper.line(f"on {change.time:%Y-%m-%d %H:%M:%S} UTC from {change.source_ip}{through}{outside}", indent=1)
    paper.line(f"the service would read: {', '.join(one.would_read)}", indent=1)
    if one.verdict is None or one.decision is None:
        paper.line(_why_no_verdict(one, truncated=change.truncated), indent=1)
        return
    paper.line("the policy it carries: ", styled(one.verdict.outcome.value), f" ({_judged_as(one.verdict)})", indent=1)
    print_verdict(paper, one.verdict, None, indent=2)
    paper.line("decision: ", styled(one.decision.kind.value), f", {one.decision.reason}", indent=1)


def _why_no_verdict(one: Replayed, *, truncated: bool) -> str:
    if truncated:
        return "CloudTrail left the parameters out (over 100 KB), so only the live policy can be judged"
    if isinstance(one.read, Ignored) or one.read.policy is None:
        return "the event carries no policy, so only the live one can be judged"
    return "give --perimeter to judge the policy that the event carries"


def _judged_as(verdict: Verdict) -> str:
    return f"perimeter {verdict.perimeter}, key usage {verdict.key_usage}"


def print_verdict(paper: Paper, verdict: Verdict, checked: Checked | None, indent: int = 1) -> None:
    """What is said of a policy: reason, escapes and advisories."""
    if verdict.reason:
        paper.line(verdict.reason, indent=indent)
    for (ref, route), escapes in grouped(verdict.escapes).items():
        paper.line((f"{_where(ref, checked)}, route {route.value}", "red"), indent=indent)
        paper.line(", ".join(dict.fromkeys(escape.operation for escape in escapes)), indent=indent + 1)
        paper.line(escapes[0].why, indent=indent + 1)
        paper.line(f"for example: {told(escapes[0].request)}", indent=indent + 1)
    for advisory in verdict.advisories:
        about = f", {_where(advisory.statement, checked)}" if advisory.statement else ""
        paper.line((f"{advisory.code}{about}", "cyan"), f": {advisory.message}", indent=indent)


def _where(ref: StatementRef, checked: Checked | None) -> str:
    place = checked.statements[ref.index] if checked and ref.index < len(checked.statements) else None
    return f"{named(ref)} (line {place.line})" if place else named(ref)


def told(request: Request) -> str:
    """A request in a line."""
    context = ", ".join(
        f"{name}={value if isinstance(value, str) else '|'.join(value)}" for name, value in request.context.items()
    )
    return f"{request.principal} calls {request.action}" + (f" with {context}" if context else "")


def print_diff(paper: Paper, diff: str) -> None:
    """A unified diff in its usual colours."""
    for line in diff.splitlines():
        head = line.startswith(("+++", "---"))
        style = "bold" if head else {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        paper.line((line, style))
