import pytest
from slack_sdk.models.blocks import ActionsBlock, Block

from kms_perimeter import message
from kms_perimeter.perimeter import Mode
from kms_perimeter.slack_actions import Action, actions, ask_of
from tests.unit.test_message import FROM_OUTSIDE, OPEN, PLAN, decided

ASK = "0123456789ab"


def test_a_question_can_be_approved_looked_at_and_put_off() -> None:
    """There are two buttons and a calendar, and Approve stands out."""
    elements = actions(ASK)["elements"]

    assert [(e["type"], e["action_id"]) for e in elements] == [
        ("button", "approve"),
        ("button", "show-plan"),
        ("datepicker", "ignore-until"),
    ]
    assert [e.get("style") for e in elements] == ["primary", None, None]


def test_slack_takes_the_block() -> None:
    """Slack's own models find nothing to complain about, and lose nothing of it."""
    block = Block.parse(actions(ASK))

    assert isinstance(block, ActionsBlock)
    block.validate_json()
    assert len(block.elements) == len(actions(ASK)["elements"])
    for element in block.elements:
        element.validate_json()


def test_what_leaves_the_key_open_or_changes_it_asks_back_first() -> None:
    """Only the look at the plan costs nothing, so only that needs no second click."""
    asking = [e["action_id"] for e in actions(ASK)["elements"] if "confirm" in e]

    assert asking == [Action.APPROVE, Action.IGNORE_UNTIL]


def test_the_block_carries_the_question_and_nothing_else() -> None:
    """The ID goes out in the block's name and comes back from it."""
    assert ask_of(actions(ASK)["block_id"]) == ASK
    assert {e["value"] for e in actions(ASK)["elements"] if "value" in e} == {ASK}


def test_a_block_of_somebody_else_is_none_of_ours() -> None:
    """Other buttons of the same Slack app are not taken for answers."""
    assert ask_of("deploy/0123456789ab") is None


@pytest.mark.parametrize(("buttons", "last"), [(True, "actions"), (False, "section")])
def test_a_question_has_buttons_where_somebody_listens(*, buttons: bool, last: str) -> None:
    """A button that nobody listens to would show an error to whoever presses it."""
    asked = message.asked(FROM_OUTSIDE, decided(OPEN, Mode.APPROVE), PLAN, ASK, buttons=buttons)

    assert asked.blocks[-1]["type"] == last
