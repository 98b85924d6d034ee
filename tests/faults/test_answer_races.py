"""What else happens while an answer is on its way: another writer, another approver, another perimeter, an exception.

What was approved is one plan for one policy under one perimeter. Whatever changes in between, nothing else is put, and
whoever has answered hears what became of it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from kms_perimeter import approval, perimeter
from kms_perimeter.aws.ledger import Kind
from kms_perimeter.aws.queues import Queue
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.perimeter import PolicyException
from kms_perimeter.slack_actions import Action
from tests.faults.answers import APPROVE, BY_ALICE, Office, steps_of, the_question
from tests.faults.faults import Fault
from tests.faults.surroundings import PARAMETER, PERIMETERS
from tests.faults.test_races import is_known, marked
from tests.unit.account import APPROVED, OPEN
from tests.unit.clicks import BOB, TEAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.world import World

BY_BOB = f"slack:{TEAM}/{BOB} bob"
STEPS = range(len(steps_of(APPROVE, "on_answer")))
ANOTHER = "vpce-0c0c0c0c0c0c0c0c0"


@pytest.fixture
def office() -> Iterator[Office]:
    """A question that stands in Slack."""
    with APPROVE.open() as opened:
        yield opened


@cache
def calls() -> list[int]:
    """The calls of `on_answer`, and those of `on_remediation` to KMS, by their numbers, where nobody interferes."""
    with APPROVE.open() as alone:
        APPROVE.give(alone)
        injector = alone.world.injector
        made = enumerate(zip(injector.made_by, injector.calls, strict=True))
        return [at for at, (by, call) in made if by == "on_answer" or (by == "on_remediation" and "kms." in call)]


def before_call_of_the_answer(world: World, step: int, happens: Callable[[], object]) -> None:
    """Has something happen right before the call of that number of Alice's `on_answer`, from 0 up."""
    otherwise, left = world.injector.meanwhile, [happens]

    def meanwhile(sent: int) -> None:
        otherwise(sent)
        if left and len(world.injector.calls_of("on_answer")) == step + 1 and world.witness.function == "on_answer":
            left.pop()()

    world.injector.meanwhile = meanwhile


def put_parameter(world: World, text: str) -> None:
    """Somebody publishes another perimeter file; the functions go by it within five minutes."""
    world.aws("ssm").put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)
    world.time.shift(timedelta(minutes=6))
    world.witness.goes_by(perimeter.load(text).perimeters[0])


def question_of(world: World) -> str:
    """The ID of the question that stands in Slack last."""
    return the_question(world)[1]


@pytest.mark.parametrize("call", calls())
def test_somebody_puts_a_policy_before_any_call(call: int) -> None:
    """The plan that was approved is put in place of the policy that it was made for, and of no other one."""
    with APPROVE.open() as office:
        world, late = office.world, list[str]()
        approved, policy = fingerprint(str(office.ask.plan["policy"])), marked(OPEN)
        world.meanwhile[call] = lambda: late.append(world.put(policy, "event-2", "Auditor"))

        APPROVE.give(office)
        for event in late or [world.put(policy, "event-2", "Auditor")]:
            world.send(event)
        world.run()

        assert world.log == []
        assert fingerprint(world.policy) in (approved, fingerprint(policy))
        assert is_known(world)
        assert office.replies
        if fingerprint(world.policy) != approved:
            assert question_of(world) != office.asked


@pytest.mark.parametrize("action", [Action.APPROVE, Action.IGNORE_UNTIL])
@pytest.mark.parametrize("step", STEPS)
def test_two_people_answer_at_once(office: Office, step: int, action: Action) -> None:
    """One answer counts, whoever gives it; the other one hears whose it is."""
    world = office.world
    office.press(action, BOB)
    (bobs,) = world.take("answers")
    before_call_of_the_answer(world, step, lambda: world.work_on(bobs["Body"], "on_answer"))

    APPROVE.give(office)

    assert world.log == []
    (answer,) = office.given
    assert (office.ask.answered_by, [answer[1]]) == (answer[1], [answer[1]])
    assert world.witness.puts == (answer[0] is Kind.APPROVED)
    assert (world.ledger.state(world.key).exception is not None) == (answer[0] is Kind.EXCEPTED)
    assert answer[1] in (BY_ALICE, BY_BOB)
    assert sum(f"by {answer[1]} already" in reply for reply in office.replies) == 1


def test_an_answer_whose_order_got_lost_is_not_taken_for_carried_out(office: Office) -> None:
    """The run dies before it orders, somebody puts another policy unheard, and then the click comes again.

    Nothing was done about it, so the key is looked at, and what is still open is asked about.
    """
    world, injector = office.world, office.world.injector
    injector.operation, injector.within, injector.fault = "dynamodb.PutItem", "on_answer", Fault.KILLED
    office.press(Action.APPROVE)
    before_call_of_the_answer(world, len(STEPS) - 1, lambda: world.put(marked(OPEN), "event-2", "Auditor"))

    world.run()

    assert injector.struck == 1
    assert world.witness.puts == 0
    assert question_of(world) != office.asked
    assert "is looked at again" in office.replies[-1]


def test_the_perimeter_has_changed_since_the_question(office: Office) -> None:
    """Another network is approved, so the plan is another one: nothing is put that nobody was shown."""
    world = office.world
    put_parameter(world, PERIMETERS.replace(APPROVED, ANOTHER))

    APPROVE.give(office)

    assert world.witness.puts == 0
    asked = question_of(world)
    assert asked != office.asked
    office.question, office.asked = the_question(world)
    APPROVE.give(office)
    assert fingerprint(world.policy) == fingerprint(str(office.ask.plan["policy"]))
    assert ANOTHER in world.policy


FILE = json.loads(PERIMETERS)
NO_MORE: dict[str, dict[str, Any]] = {
    "the mode of its perimeter is alert by now": {"perimeters": [{**FILE["perimeters"][0], "mode": "alert"}]},
    "its tag ManagedBy=terraform says": {"alert_only_tags": {"ManagedBy": "terraform"}},
}


@pytest.mark.parametrize("why", NO_MORE)
def test_the_guard_may_change_the_key_no_more(office: Office, why: str) -> None:
    """Its perimeter is down to `alert` since, or a tag says that infrastructure code manages it: a yes is none then."""
    world = office.world
    world.aws("kms").tag_resource(KeyId=world.key, Tags=[{"TagKey": "ManagedBy", "TagValue": "terraform"}])
    put_parameter(world, json.dumps({**FILE, **NO_MORE[why]}))

    APPROVE.give(office)

    assert world.witness.puts == 0
    assert [why in told["text"] for told in world.told if told["data"]["kind"] == "refused"] == [True]
    assert office.all_is_told


def test_a_click_after_somebody_has_answered_for_the_key(office: Office) -> None:
    """He who says yes hears that the guard leaves the key alone, and who answers for it."""
    world = office.world
    _exempt(world)

    APPROVE.give(office)

    assert world.policy == OPEN
    (refused,) = [told["text"] for told in world.told if told["data"]["kind"] == "refused"]
    assert "team-x answers for the key until" in refused
    assert [entry.kind for entry in world.ledger.entries(world.key)].count(Kind.REFUSED) == 1
    assert office.all_is_told


def test_two_days_by_one_person_are_two_answers(office: Office) -> None:
    """The first day that was picked counts, whatever the order in which the clicks are worked on."""
    world = office.world
    office.press(Action.IGNORE_UNTIL, selected_date="2026-12-01")
    office.press(Action.IGNORE_UNTIL, selected_date="2026-12-24")

    world.run()

    exception = world.ledger.state(world.key).exception
    (entry,) = [e for e in world.ledger.entries(world.key) if e.kind is Kind.EXCEPTED]
    assert exception
    assert entry.facts["until"] == exception.expires.isoformat()
    assert f"is ignored until {exception.expires} by {BY_ALICE} already" in " ".join(office.replies).replace("`", "")


def _exempt(world: World) -> None:
    """Somebody answers for the key on the command line."""
    now = datetime.now(UTC)
    until = (now + timedelta(days=3)).date()
    exception = PolicyException(world.key, "the migration", "team-x", until)
    approval.exempt(world.ledger, Queue(world.aws("sqs"), world.resources.queues["changes"]), exception, "bob", now)
