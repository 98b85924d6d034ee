import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kms_perimeter import slack_door, slack_interaction
from kms_perimeter.aws.queues import Queue
from kms_perimeter.slack_actions import Action
from kms_perimeter.slack_interaction import Interaction
from tests.unit.account import NOON, REGION
from tests.unit.clicks import ALICE, HOOK, QUESTION, SECRET, TEAM, StandingStill, a_payload, signed

ASK = "0123456789ab"
APPROVAL = a_payload(Action.APPROVE, ASK)


class Door:
    """The door, and the queue behind it."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", REGION)
        self.url = self.sqs.create_queue(QueueName="answers")["QueueUrl"]

    def admit(self, event: dict[str, Any]) -> tuple[int, str]:
        """Hands a request over at noon; gives the status of the answer, and what was done."""
        verifier = slack_door.verifier_of(SECRET, StandingStill(NOON))
        answer, report = slack_door.admit(event, verifier, Queue(self.sqs, self.url))
        return answer["statusCode"], report.done

    def behind(self) -> list[Interaction]:
        """What waits behind the door."""
        messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [Interaction.from_json(json.loads(message["Body"])) for message in messages]


@pytest.fixture(scope="module")
def building() -> Iterator[Door]:
    """A door in an account in memory, one for all tests here."""
    with mock_aws():
        yield Door()


@pytest.fixture
def door(building: Door) -> Door:
    """The door, with nothing behind it."""
    building.behind()
    return building


@pytest.mark.parametrize("encoded", [True, False])
def test_what_slack_has_signed_is_let_in(door: Door, *, encoded: bool) -> None:
    """Lambda may hand the body over encoded or as it is; either way it is the one that was signed."""
    assert door.admit(signed(APPROVAL, encoded=encoded)) == (200, "admitted")

    (pressed,) = door.behind()
    assert (pressed.team, pressed.user, pressed.name) == (TEAM, ALICE, "alice")
    assert (pressed.action, pressed.ask_id, pressed.until) == (Action.APPROVE, ASK, None)
    assert pressed.response_url == HOOK
    assert pressed.by == f"slack:{TEAM}/{ALICE} alice"


def test_the_picked_day_comes_through(door: Door) -> None:
    """A calendar sends a day in place of a value."""
    door.admit(signed(a_payload(Action.IGNORE_UNTIL, ASK, selected_date="2026-12-01")))

    assert [str(pressed.until) for pressed in door.behind()] == ["2026-12-01"]


def without(event: dict[str, Any], header: str) -> dict[str, Any]:
    """The request without one of its headers."""
    return {**event, "headers": {name: value for name, value in event["headers"].items() if name != header}}


def with_header(event: dict[str, Any], header: str, value: str) -> dict[str, Any]:
    """The request with another value of one of its headers."""
    return {**event, "headers": {**event["headers"], header: value}}


FORGED = {
    "of another secret": signed(APPROVAL, secret="another"),
    "of another body": {**signed(APPROVAL), "body": signed(a_payload(Action.APPROVE, "ba9876543210"))["body"]},
    "older than five minutes": signed(APPROVAL, at=NOON - timedelta(seconds=301)),
    "of the future": signed(APPROVAL, at=NOON + timedelta(seconds=301)),
    "with another time": with_header(signed(APPROVAL), "x-slack-request-timestamp", str(int(NOON.timestamp()) - 1)),
    "with a time that is no number": with_header(signed(APPROVAL), "x-slack-request-timestamp", "noon"),
    "with a signature that is not ASCII": with_header(signed(APPROVAL), "x-slack-signature", "v0=ä"),
    "without a time": without(signed(APPROVAL), "x-slack-request-timestamp"),
    "without a signature": without(signed(APPROVAL), "x-slack-signature"),
    "with a broken body": {**signed(APPROVAL), "body": "%%%"},
    "without anything": {"requestContext": {}},
}


@pytest.mark.parametrize("event", FORGED.values(), ids=FORGED)
def test_what_slack_has_not_signed_just_now_is_turned_away(door: Door, event: dict[str, Any]) -> None:
    """The URL is public: whoever finds it gets nothing but a 401, and nothing waits behind the door."""
    assert door.admit(event) == (401, "rejected")

    assert door.behind() == []


def test_five_minutes_are_within_time(door: Door) -> None:
    """A slow network is no forger."""
    assert door.admit(signed(APPROVAL, at=NOON - timedelta(seconds=300))) == (200, "admitted")


SIGNED_BUT_NOT_OURS = {
    "another kind": {"type": "view_submission"},
    "another block": a_payload(Action.APPROVE, ASK, actions=[{"block_id": "deploy", "action_id": "approve"}]),
    "another button": a_payload(
        Action.APPROVE, ASK, actions=[{"block_id": f"kms-perimeter/ask/{ASK}", "action_id": "delete"}]
    ),
    "an ID that is none": a_payload(Action.APPROVE, "../state"),
    "a day that is none": a_payload(Action.IGNORE_UNTIL, ASK, selected_date="soon"),
    "no day": a_payload(Action.IGNORE_UNTIL, ASK, selected_date=None),
    "nobody": a_payload(Action.APPROVE, ASK, user={}),
    "a user ID that is none": a_payload(Action.APPROVE, ASK, user={"id": "U1> <@everyone", "team_id": TEAM}),
    "nothing pressed": a_payload(Action.APPROVE, ASK, actions=[]),
}


@pytest.mark.parametrize("payload", SIGNED_BUT_NOT_OURS.values(), ids=SIGNED_BUT_NOT_OURS)
def test_clicks_on_something_else_are_taken_and_left(door: Door, payload: dict[str, Any]) -> None:
    """The app may have other buttons; Slack hears that all is well, and nothing happens."""
    assert door.admit(signed(payload)) == (200, "ignored")

    assert door.behind() == []


def test_the_persons_own_workspace_counts(door: Door) -> None:
    """In a channel that two workspaces share, somebody of the other one is not taken for one of ours."""
    guest = {"id": ALICE, "username": "alice", "team_id": "T0002"}

    door.admit(signed(a_payload(Action.APPROVE, ASK, user=guest)))

    assert [pressed.team for pressed in door.behind()] == ["T0002"]


def test_a_question_too_long_for_the_queue_is_left_out(door: Door) -> None:
    """The click counts all the same."""
    long = {"text": "x", "blocks": [{**QUESTION, "block_id": str(n), "text": "ä" * 3000} for n in range(49)]}

    assert door.admit(signed(a_payload(Action.APPROVE, ASK, message=long))) == (200, "admitted")

    assert [pressed.blocks for pressed in door.behind()] == [()]


def test_neither_the_address_nor_the_message_is_told_by_accident() -> None:
    """Whoever logs a click does not log where to reply, or what stands in the channel."""
    pressed = slack_interaction.read(APPROVAL)

    assert pressed
    assert HOOK not in repr(pressed)
    assert "The key is open" not in repr(pressed)
