"""`make bench`: ours and others on the same questions, in one run, as ratios."""

from __future__ import annotations

import json
import platform
import sys
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import hostile, questions, smt, startup, table
from bench.program import Program
from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy import document, evaluator
from kms_perimeter.verdict import Outcome, judge
from tests.oracles import iam_simulate, outside_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.questions import Question
    from kms_perimeter.policy.document import KeyPolicy
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.request import Request
    from kms_perimeter.verdict import Verdict

    Sample = tuple[KeyPolicy, dict[str, Any], Request, Key]

HERE = Path(__file__).parent
ROOT = HERE.parent
THEIR_PYTHON = ROOT / ".venvs" / "bench" / "bin" / "python"
SIMULATOR = ROOT / "tests/oracles/node_modules/@cloud-copilot/iam-simulate/dist/esm/index.js"
ROUNDS = 5
TRIES = 12
CHECKERS = {
    "c7n": ("Cloud Custodian", "from c7n.resources.kms import KMSPolicyChecker"),
    "policyuniverse": ("policyuniverse", "from policyuniverse.policy import Policy"),
    "prowler": ("Prowler", "from py_iam_expand.actions import expand_actions; import prowler.lib.logger"),
}


def timed(call: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Ask everybody, and print what comes out."""
    source, asked = questions.load()
    verdicts = [judge(q.text, q.key, q.perimeter) for q in asked]
    said = ", ".join(f"{sum(v.outcome is o for v in verdicts)} {o.value}" for o in Outcome)
    show(f"{len(asked)} {source}: {said}. {ROUNDS} rounds, everybody in turn; milliseconds, one question at a time.")
    show(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}.")
    proofs(asked, verdicts)
    evaluations(asked, verdicts)
    checkers(asked, verdicts)
    imports()
    hostile_inputs(asked[0].key)


def show(*lines: str) -> None:
    """Print, at once."""
    print(*lines, sep="\n", flush=True)


def proofs(asked: Sequence[Question], verdicts: Sequence[Verdict]) -> None:
    """Parse and proof, against z3."""
    ours = [q for q, v in zip(asked, verdicts, strict=True) if v.outcome is not Outcome.MALFORMED]
    theirs, answers = _covered(asked)
    alike = sum(answers[q] == v.outcome.value for q, v in zip(asked, verdicts, strict=True) if q in answers)
    named = {q: smt.escaping(q) for q in theirs}
    judged = {
        q: frozenset((e.operation, e.route.value) for e in v.escapes) for q, v in zip(asked, verdicts, strict=True)
    }
    all_rounds, rounds, solved, each = [], [], [], []
    for _ in range(ROUNDS):
        by_text = {q.text: timed(lambda q=q: judge(q.text, q.key, q.perimeter)) for q in ours}  # type: ignore[misc]
        all_rounds.append(list(by_text.values()))
        rounds.append([by_text[q.text] for q in theirs])
        solved.append([timed(lambda q=q: smt.outcome(q)) for q in theirs])  # type: ignore[misc]
        each.append([timed(lambda q=q: smt.escaping(q)) for q in theirs])  # type: ignore[misc]
    same = table.middle(rounds)
    rows = [_row(f"`judge`, all {len(ours)} policies", table.middle(all_rounds), None)]
    rows += [_row(f"`judge`, the {len(theirs)} that z3 was asked", same, same)]
    rows += [_row("z3, whether there is an escape", table.middle(solved), same)]
    rows += [_row("z3, for each operation and route", table.middle(each), same)]
    show("", "### Parse and proof", "", *table.lines(("", "median", "p95", "worst", "median, as a ratio"), rows))
    gave_up = list(answers.values()).count("unknown")
    show("", f"z3's answer is ours in {alike} of {len(theirs)}; it gave up on {gave_up}.")
    gave_up, alike = list(named.values()).count(None), sum(said == judged[q] for q, said in named.items())
    show(
        f"Its operations and routes are ours in {alike}; it gave up on {gave_up}, at the first that it left unsettled."
    )


def _covered(asked: Sequence[Question]) -> tuple[list[Question], dict[Question, str]]:
    """The questions that the encoding for z3 covers, and z3's answers."""
    answers = {}
    for question in asked:
        try:
            answers[question] = smt.outcome(question)
        except (MalformedPolicy, smt.Unsupported):
            continue
    return list(answers), answers


def _row(name: str, times: Sequence[float], ours: Sequence[float] | None) -> tuple[str, ...]:
    compared = table.ratio(times, ours) if ours else ""
    return name, table.ms(median(times)), table.ms(table.p95(times)), table.ms(max(times)), compared


def evaluations(asked: Sequence[Question], verdicts: Sequence[Verdict]) -> None:
    """Single requests, against iam-simulate."""
    show("", "### One request")
    if reason := iam_simulate.missing():
        show("", f"Not compared with iam-simulate: {reason}.")
        return
    samples = _samples(asked, verdicts)
    wired = [iam_simulate.question(raw, request) for _, raw, request, _ in samples]
    ours, theirs = [], []
    with Program(["node", str(HERE / "peers/simulate.mjs"), str(SIMULATOR)]) as simulator:
        simulator.ask(wired)
        for _ in range(ROUNDS):
            ours.append([timed(lambda s=s: evaluator.evaluate(s[0], s[2], s[3])) for s in samples])  # type: ignore[misc]
            theirs.append([took for took, _ in simulator.ask(wired)])
    same = table.middle(ours)
    rows = [_row("`evaluate`", same, same), _row("iam-simulate, timed inside Node", table.middle(theirs), same)]
    show("", f"{len(samples)} requests.", "")
    show(*table.lines(("", "median", "p95", "worst", "median, as a ratio"), rows))


def _samples(asked: Sequence[Question], verdicts: Sequence[Verdict]) -> list[Sample]:
    """Requests to decide: the escapes, and possible ones from outside."""
    drawn, found = Random(1), []  # noqa: S311  (the same every time)
    for question, verdict in zip(asked, verdicts, strict=True):
        if verdict.outcome is Outcome.MALFORMED or (raw := json.loads(question.text)).get("Statement") is None:
            continue
        policy = document.parse(question.text)
        sent = [e.request for e in verdict.escapes[:2]]
        sent += outside_requests.outside_requests(raw, question.perimeter, question.key, drawn, TRIES)
        found += [(policy, raw, request, question.key) for request in sent]
    return found


def checkers(asked: Sequence[Question], verdicts: Sequence[Verdict]) -> None:
    """What people use now."""
    show("", "### What people use now")
    if not THEIR_PYTHON.is_file():
        show("", "Not compared: there is no .venvs/bench; run `make bench`.")
        return
    kept = [(q, v) for q, v in zip(asked, verdicts, strict=True) if v.outcome in (Outcome.ENCLOSED, Outcome.ESCAPES)]
    opened = [v.outcome is Outcome.ESCAPES for _, v in kept]
    strangers = [_to_strangers(q, v) for q, v in kept]
    ours: list[list[float]] = []
    theirs: dict[str, list[Any]] = {name: [] for name in CHECKERS}
    with Program([str(THEIR_PYTHON), str(HERE / "peers/checkers.py")]) as program:
        for _ in range(ROUNDS):
            ours.append([timed(lambda q=q: judge(q.text, q.key, q.perimeter)) for q, _ in kept])  # type: ignore[misc]
            for name in CHECKERS:
                theirs[name].append(program.ask(_question(name, [q for q, _ in kept])))
    same = table.middle(ours)
    rows: list[tuple[str, ...]] = [
        ("`judge`", table.ms(median(same)), table.ms(table.p95(same)), "1x", "", "", "", "0")
    ]
    for name, (title, _) in CHECKERS.items():
        times = table.middle([[took for took, _ in round_] for round_ in theirs[name]])
        fine = [said for _, said in theirs[name][0]]
        counts = _counts(fine, opened, strangers)
        rows.append((title, *_pair(times), table.ratio(times, same), *counts))
    head = (
        *("", "median", "p95", "ratio", f"usable from outside ({sum(opened)}), called fine"),
        f"usable by strangers ({sum(strangers)}), called fine",
        *(f"enclosed ({len(opened) - sum(opened)}), called open", "crashed"),
    )
    show("", *table.lines(head, rows))


def _pair(times: Sequence[float]) -> tuple[str, str]:
    return table.ms(median(times)), table.ms(table.p95(times))


def _question(name: str, asked: Sequence[Question]) -> dict[str, object]:
    networks = {"vpces": [questions.ENDPOINT], "vpcs": [questions.VPC]}
    return {"checker": name, "asked": [(q.text, q.key.account) for q in asked], **networks}


def _counts(fine: Sequence[bool | None], opened: Sequence[bool], strangers: Sequence[bool]) -> tuple[str, ...]:
    said = list(zip(fine, opened, strangers, strict=True))
    missed = sum(f is True and o for f, o, _ in said)
    to_strangers = sum(f is True and s for f, _, s in said)
    blamed = sum(f is False and not o for f, o, _ in said)
    return str(missed), str(to_strangers), str(blamed), str(sum(f is None for f in fine))


def _to_strangers(question: Question, verdict: Verdict) -> bool:
    """Whether somebody of an account that the policy does not name gets through."""
    accounts = {escape.request.principal.split(":")[4] for escape in verdict.escapes}
    return any(account not in question.text and account != question.key.account for account in accounts)


def imports() -> None:
    """Fresh processes that import an engine."""
    others = {title: (str(THEIR_PYTHON), statement) for title, statement in CHECKERS.values()}
    found = startup.rounds(
        {"`kms_perimeter.verdict`": (sys.executable, "import kms_perimeter.verdict"),
         "z3": (sys.executable, "import z3"), **(others if THEIR_PYTHON.is_file() else {})},
        2 * ROUNDS + 1,
    )  # fmt: skip
    ours = next(iter(found.values()))
    rows = [(name, table.ms(median(t)), table.ms(min(t)), table.ratio(t, ours)) for name, t in found.items()]
    show("", "### Import, in a fresh process", "", *table.lines(("", "median", "best", "median, as a ratio"), rows))


def hostile_inputs(key: Key) -> None:
    """The worst that a policy can do."""
    rows = []
    for name, text in hostile.policies().items():
        times = [timed(lambda t=text: judge(t, key, questions.PERIMETER)) for _ in range(3)]  # type: ignore[misc]
        said = judge(text, key, questions.PERIMETER).outcome.value
        rows.append((name, f"{len(text) / 1024:.0f}", said, table.ms(median(times)), table.ms(max(times))))
    show("", "### Hostile input", "", *table.lines(("", "KB", "verdict", "median", "worst"), rows))


if __name__ == "__main__":
    main()
