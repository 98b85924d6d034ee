"""Every call between a click in Slack and the reply x everything that can go wrong with it.

Alice answers a question, and a call of `on_slack` or of `on_answer` fails. Whatever happens, in the end her answer is
carried out once, by her name, and nothing else than what she was shown; she hears of it, or why not. There is
one more word in the matrix than in test_matrix.py:

    again   she was shown an error, or told why not, and pressed once more

Of what lasts, each run of a function meets another one: five outages, one after the other, in one world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.answers import ALWAYS, APPROVE, IGNORE, STALE, TAKEN, Answer, Office, steps_of, strike
from tests.faults.faults import ONCE, Fault, makes_sense
from tests.faults.test_matrix import duplicates_are_marked

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

    from local.slack import Webhook

FUNCTIONS = ("on_slack", "on_answer")
LASTING = tuple(fault for fault in Fault if fault not in ONCE)
ROWS = {(function, call): answer for answer in (STALE, IGNORE, APPROVE) for function in FUNCTIONS
        for call in steps_of(answer, function)}  # fmt: skip
"""Each call of both functions, with the answer in which it is struck."""


def told(office: Office) -> bool:
    """Whether Alice has heard: of what was done, or that it is not; by a reply, or by a message to the channel."""
    return bool(office.replies) or "remediated" in office.world.kinds or office.world.kinds.count("ask") > 1


def steps() -> list[ParameterSet]:
    """Each call of a run, and what ends it there."""
    return [
        pytest.param(answer, function, step, fault, id=f"{answer}, {function}, {step}, {call}, {fault.value}")
        for answer in (APPROVE, IGNORE, STALE)
        for function in FUNCTIONS
        if function == "on_answer" or answer is APPROVE
        for step, call in enumerate(steps_of(answer, function))
        for fault in (Fault.KILLED, Fault.PARTIAL)
        if makes_sense(fault, call)
        if answer is not STALE or call.startswith("sqs.")
    ]


@pytest.mark.parametrize(("answer", "function", "step", "fault"), steps())
def test_an_answer_outlives_the_end_of_a_run(
    answer: Answer, function: str, step: int, fault: Fault, record_cell: Callable[[str, str, str], None]
) -> None:
    """The process dies right after a call, or the call does a part of its work: it is done once all the same."""
    with answer.open() as office:
        office.world.injector.fault = fault
        strike(office.world.injector, answer, function, step)

        how = answer.heal(office)

        record_cell(f"{function}: {steps_of(answer, function)[step]}", fault.value, how)
        assert office.world.injector.struck == 1
        assert how != "never", (office.world.log, office.replies, office.given)
        assert told(office)
        assert duplicates_are_marked(office.world)


@pytest.mark.parametrize("fault", [Fault.THROTTLED_ONCE, Fault.LOST_ANSWER])
@pytest.mark.parametrize(
    ("answer", "function"),
    [(APPROVE, "on_slack"), (STALE, "on_answer"), (IGNORE, "on_answer"), (APPROVE, "on_answer")],
    ids=str,
)
def test_an_answer_outlives_a_blip_at_each_call(
    answer: Answer, function: str, fault: Fault, record_cell: Callable[[str, str, str], None]
) -> None:
    """Each call is throttled at its first try, or takes effect and its answer is lost: botocore tries it again."""
    with answer.open() as office:
        injector = office.world.injector
        injector.operation, injector.within, injector.fault, injector.each = "*", function, fault, True

        how = answer.heal(office)

        for call in steps_of(answer, function):
            record_cell(f"{function}: {call}", fault.value, how)
        assert injector.struck >= len(steps_of(answer, function))
        assert how == "at once", (office.world.log, office.replies, office.given)
        assert office.replies


@pytest.mark.parametrize(
    ("function", "call", "answer"),
    [pytest.param(function, call, answer, id=f"{function}, {call}") for (function, call), answer in ROWS.items()],
)
def test_an_answer_outlives_one_outage_after_the_other(
    function: str, call: str, answer: Answer, record_cell: Callable[[str, str, str], None]
) -> None:
    """Each run meets another one; nothing is put that she was not shown, and in the end it is done once.

    Where a run has told her why not, or Slack has shown an error, she presses again.
    """
    with answer.open() as office:
        injector = office.world.injector
        injector.operation, injector.within, injector.outages = call, function, list(LASTING)
        while injector.outages:
            left, replies = len(injector.outages), len(office.replies)

            status = answer.give(office)

            assert len(injector.outages) < left
            assert status != TAKEN or office.world.dead or len(office.replies) > replies, "nobody tells her"
        waits = "redrive" if function == "on_answer" else "again"
        for fault, failed in injector.met.items():
            record_cell(f"{function}: {call}", fault.value, waits if failed else "again")
        assert set(injector.met) == set(LASTING)
        assert office.world.log, "nobody knows why"
        assert answer.is_over(office) or answer.mend(office) != "never", (office.world.log, office.given)
        assert told(office)
        assert duplicates_are_marked(office.world)


REPLY = "Slack reply"
TROUBLES: list[tuple[Fault, Callable[[Webhook], object], str]] = [
    (Fault.THROTTLED_ONCE, lambda slack: slack.limit_rate(1, for_replies=True), "retry"),
    (Fault.THROTTLED, lambda slack: slack.limit_rate(ALWAYS, for_replies=True), "redrive"),
    (Fault.DENIED, lambda slack: slack.fail(ALWAYS, 403, "invalid_token", for_replies=True), "at once"),
    (Fault.LOST_ANSWER, lambda slack: slack.fall_silent(1, taken=True, for_replies=True), "retry"),
    (Fault.LOST_REQUEST, lambda slack: slack.hang_up(), "redrive"),
    (Fault.SERVER_ERROR, lambda slack: slack.fail(ALWAYS, for_replies=True), "redrive"),
    (Fault.GONE, lambda slack: slack.expire_replies(), "at once"),
]


@pytest.mark.parametrize(("fault", "begin", "expected"), TROUBLES, ids=[fault.value for fault, *_ in TROUBLES])
def test_an_answer_is_carried_out_whatever_becomes_of_the_reply(
    fault: Fault, begin: Callable[[Webhook], object], expected: str, record_cell: Callable[[str, str, str], None]
) -> None:
    """Slack may never take the reply: then the message about what the guard has done tells her all the same."""
    with APPROVE.open() as office:
        begin(office.world.slack)

        how = APPROVE.heal(office)

        record_cell(REPLY, fault.value, how)
        assert how == expected, office.world.log
        assert told(office)


def test_who_is_not_told_of_an_exception_is_told_at_the_next_click() -> None:
    """The reply came too late for Slack; the buttons are there still, and say who has answered."""
    with IGNORE.open() as office:
        office.world.slack.fail(1, 404, "expired_url", for_replies=True)
        IGNORE.give(office)
        assert (office.replies, IGNORE.is_over(office)) == ([], True)

        IGNORE.give(office)

        assert IGNORE.is_over(office)
        assert "answers for the key until" in office.replies[0]


def test_each_function_has_its_rows() -> None:
    """A function that has come to make another call has another row by itself; these are the least."""
    assert {call for function, call in ROWS if function == "on_slack"} == {
        "secrets-manager.GetSecretValue",
        "sqs.SendMessageBatch",
    }
    assert {call for function, call in ROWS if function == "on_answer"} == {
        "dynamodb.GetItem",
        "kms.GetKeyPolicy",
        "dynamodb.UpdateItem",
        "dynamodb.PutItem",
        "sqs.SendMessage",
        "sqs.SendMessageBatch",
    }
