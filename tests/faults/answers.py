"""A question in Slack, and what becomes of an answer: from the click to the reply and to the key."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.ledger import Asks, Kind
from kms_perimeter.errors import NoSuchAsk
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.slack_actions import Action, ask_of
from tests.faults.world import World
from tests.unit.account import OPEN
from tests.unit.clicks import ALICE, TEAM, a_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kms_perimeter.aws.ledger import Ask
    from tests.faults.injection import Injector

TAKEN = 200
ALWAYS = 99
BY_ALICE = f"slack:{TEAM}/{ALICE} alice"
GIVEN = (Kind.APPROVED, Kind.EXCEPTED)


@dataclass
class Office:
    """A world in the mode `approve`, where a question about the key stands in Slack.

    Attributes:
        world: the world.
        question: the message with the question, as Slack has it.
        asked: its ID.
    """

    world: World
    question: dict[str, Any]
    asked: str

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Office]:
        """A fresh world; calls and what was told are counted from the question on."""
        with World.open({"MODE": "approve"}) as world:
            world.run()
            yield cls(world, *the_question(world))

    def press(self, action: Action, user: str = ALICE, **changes: str) -> int:
        """Somebody presses a button of the question; returns the status that Slack gets."""
        if action is Action.IGNORE_UNTIL:
            changes.setdefault("selected_date", in_days(7))
        named = {"id": user, "username": user.removeprefix("U0").lower(), "team_id": TEAM}
        message = {name: self.question[name] for name in ("text", "blocks")}
        url = self.world.slack.reply_url
        return self.world.press(a_payload(action, self.asked, user=named, message=message, response_url=url, **changes))

    @property
    def ask(self) -> Ask:
        """The question as the ledger has it, read past all faults."""
        return Asks(self.world.aws("dynamodb"), "ledger").get(self.asked)

    @property
    def replies(self) -> list[str]:
        """What Slack was told about clicks, in words."""
        return [reply["text"] for reply in self.world.slack.replies]

    @property
    def given(self) -> list[tuple[Kind, str]]:
        """The answers in the ledger, with who has given them."""
        entries = self.world.ledger.entries(self.world.key, newest_first=False)
        return [(entry.kind, entry.actor) for entry in entries if entry.kind in GIVEN]

    @property
    def all_is_told(self) -> bool:
        """Whether what was told by mail is in Slack too, and nothing waits for a person."""
        posted = {message["text"] for message in self.world.slack.messages}
        return self.world.dead == 0 and all(alert["text"] in posted for alert in self.world.told)


@dataclass(frozen=True)
class Answer:
    """Something that Alice does with a question.

    Attributes:
        name: what it is, for the matrix.
        action: what she presses.
        begin: what happens before.
        done: whether all has come to the end that it comes to when nothing fails.
    """

    name: str
    action: Action
    begin: Callable[[Office], object]
    done: Callable[[Office], bool]

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def open(self) -> Iterator[Office]:
        """An office in which she is about to answer; calls are counted from here."""
        with Office.open() as office:
            self.begin(office)
            office.world.injector.forget()
            office.world.log.clear()
            yield office

    def is_over(self, office: Office) -> bool:
        """Whether the end is reached, told, and reached once."""
        return office.all_is_told and self.done(office)

    def give(self, office: Office) -> int:
        """She presses, and all works until nothing waits; returns the status that Slack gets."""
        status = office.press(self.action)
        office.world.run()
        return status

    def mend(self, office: Office) -> str:
        """Ends the outage, and lets an operator and then Alice herself do what is left to them; says what it took.

        Returns:
            ``redrive``, ``again`` or ``never``.
        """
        world = office.world
        world.injector.operation = ""
        world.slack.recover()
        if world.dead:
            world.slack.expire_replies()  # the operator comes an hour later
            world.redrive()
            world.run()
            if self.is_over(office):
                return "redrive"
        self.give(office)
        return "again" if self.is_over(office) else "never"

    def heal(self, office: Office) -> str:
        """Has her answer and lets the world run through its outage; says what it took until all was well."""
        self.give(office)
        if self.is_over(office):
            return "retry" if office.world.log else "at once"
        return self.mend(office)


def the_question(world: World) -> tuple[dict[str, Any], str]:
    """The last message with buttons in Slack, and the ID of the question that it asks."""
    for message in reversed(world.slack.messages):
        for block in message["blocks"]:
            if asked := ask_of(str(block.get("block_id", ""))):
                return message, asked
    raise NoSuchAsk("nobody has asked")


def in_days(days: int) -> str:
    """A day, as Slack's calendar gives it."""
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


@cache
def steps_of(answer: Answer, function: str) -> tuple[str, ...]:
    """The calls that a function makes where nothing fails, in their order."""
    with answer.open() as office:
        answer.give(office)
        assert answer.is_over(office), (answer.name, office.world.log, office.replies, office.given)
        assert office.world.log == []
        return office.world.injector.calls_of(function)


def strike(injector: Injector, answer: Answer, function: str, step: int) -> None:
    """Has the injector's fault strike the call of the function that is number `step` of the recorded run."""
    calls = steps_of(answer, function)
    injector.operation, injector.within = calls[step], function
    injector.at = calls[:step].count(calls[step])


def _nothing(_: Office) -> None:
    """The question is as it was asked."""


def _is_approved(office: Office) -> bool:
    """The key has the very policy that was approved, by her name, once; and she is told."""
    world, entries = office.world, list(office.world.ledger.entries(office.world.key))
    by = [entry.facts["approved_by"] for entry in entries if entry.kind is Kind.REMEDIATED]
    approved = fingerprint(world.policy) == fingerprint(str(office.ask.plan["policy"]))
    once = (office.given, by, world.witness.puts) == ([(Kind.APPROVED, BY_ALICE)], [BY_ALICE], 1)
    return world.is_fixed() and approved and once and "remediated" in world.kinds


def _is_put_off(office: Office) -> bool:
    """The exception has her day and her name, the ledger knows it once, and the key is left alone."""
    exception = office.world.ledger.state(office.world.key).exception
    known = exception is not None and (exception.owner, exception.expires.isoformat()) == (BY_ALICE, in_days(7))
    once = office.given == [(Kind.EXCEPTED, BY_ALICE)]
    return known and once and office.world.policy == OPEN and office.ask.answered_by == BY_ALICE


def _somebody_changes_the_key(office: Office) -> None:
    """Another policy is put, as open as the one before, and its event gets lost."""
    office.world.put(OPEN.replace("Enable IAM policies", "Enable IAM"), "event-2")


def _is_asked_anew(office: Office) -> bool:
    """Nothing is put, nothing is answered, and there is a new question about the policy as it is."""
    _, asked = the_question(office.world)
    news = Asks(office.world.aws("dynamodb"), "ledger").get(asked)
    untouched = (office.given, office.world.witness.puts, office.ask.answer) == ([], 0, "")
    return untouched and news.policy_hash == fingerprint(office.world.policy)


APPROVE = Answer("approve", Action.APPROVE, _nothing, _is_approved)
IGNORE = Answer("ignore", Action.IGNORE_UNTIL, _nothing, _is_put_off)
STALE = Answer("stale", Action.APPROVE, _somebody_changes_the_key, _is_asked_anew)
