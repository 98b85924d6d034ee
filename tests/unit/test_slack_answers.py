from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kms_perimeter import approval, slack, slack_answers, slack_interaction
from kms_perimeter.order import Order
from kms_perimeter.remediation import remediate
from kms_perimeter.settings import Settings
from kms_perimeter.slack_actions import Action
from kms_perimeter.slack_interaction import Interaction
from local.slack_limits import complain
from tests.unit.account import NOON, SETTINGS, Account, closed, refuse
from tests.unit.clicks import ALICE, HOOK, MALLORY, QUESTION, TEAM, a_payload
from tests.unit.desk import Office

WITH_BUTTONS = replace(SETTINGS, slack_approvers=(ALICE,), slack_team_id=TEAM)
DAY = NOON.date() + timedelta(days=7)


@pytest.fixture
def office(account: Account) -> Office:
    """A desk in a guarded account."""
    return Office.open(account)


def a_click(action: Action, ask_id: str, **changes: Any) -> Interaction:  # noqa: ANN401 - JSON
    """What Alice, or whoever the changes say, has pressed."""
    pressed = slack_interaction.read(a_payload(action, ask_id, **changes))
    assert pressed
    return Interaction.from_json(pressed.to_json())


def answered(office: Office, pressed: Interaction, settings: Settings = WITH_BUTTONS) -> dict[str, Any]:
    """What Slack is told about a click, which Slack must take."""
    payload = slack_answers.payload_of(pressed, slack_answers.answer(office.desk, settings, pressed))
    assert complain(payload) is None
    return payload


def test_an_approval_is_carried_out_and_takes_the_place_of_the_buttons(office: Office) -> None:
    """The key is closed by the name of the one who pressed; the question stays, and who answered it is under it."""
    ask = office.ask()

    told = answered(office, a_click(Action.APPROVE, ask.id))

    (ordered,) = office.account.ordered()
    assert ordered["approved_by"] == f"slack:{TEAM}/{ALICE} alice"
    assert remediate(office.account.guard, Order.from_json(ordered)).done == "remediated"
    text = f"Approved by <@{ALICE}> on 2026-11-24 12:00:00 UTC. The guard proves the plan once more and reports."
    note = {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
    assert told == {"replace_original": True, "text": f"The key is open.\n{text}", "blocks": [QUESTION, note]}


def test_a_key_is_put_off_until_a_day(office: Office) -> None:
    """The exception has the day that was picked, and the channel sees whose word it is."""
    ask = office.ask()

    told = answered(office, a_click(Action.IGNORE_UNTIL, ask.id, selected_date=DAY.isoformat()))

    exception = office.account.guard.ledger.state(ask.key_arn).exception
    assert exception
    assert (exception.expires, exception.owner) == (DAY, f"slack:{TEAM}/{ALICE} alice")
    assert told["replace_original"] is True
    assert f"<@{ALICE}> answers for the key until {DAY}." in told["text"]


def test_the_plan_is_shown_to_the_one_who_asks(office: Office) -> None:
    """Nobody else sees it, the buttons stay, and nothing is answered."""
    ask = office.ask()

    told = answered(office, a_click(Action.SHOW_PLAN, ask.id))

    assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)
    shown = "\n".join(block["text"]["text"] for block in told["blocks"])
    assert '+      "Effect": "Deny"' in shown
    assert office.desk.asks.get(ask.id).answer == ""


def test_a_long_plan_is_shown_as_far_as_slack_takes_it(office: Office) -> None:
    """Whole lines, whatever of them is escaped, and then where the rest is to be found."""
    ask = replace(office.ask(), id="aaaaaaaaaaaa", diff="\n".join(f"+  line {n:05} <&>" for n in range(8000)))
    office.desk.asks.put(ask)

    told = answered(office, a_click(Action.SHOW_PLAN, ask.id))

    assert "kms-perimeter history" in told["blocks"][-1]["text"]["text"]
    parts = [block["text"]["text"].removeprefix("*…*") for block in told["blocks"][3:-1]]
    assert len(parts) == slack_answers.MOST_PARTS - 1
    assert all(part.startswith("\n```+  line ") and part.endswith("&lt;&amp;&gt;```") for part in parts)


STRANGERS = {
    "not named": {"user": {"id": MALLORY, "username": "mallory", "team_id": TEAM}},
    "of another workspace": {"user": {"id": ALICE, "username": "alice", "team_id": "T0002"}},
}


@pytest.mark.parametrize("who", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("action", [Action.APPROVE, Action.SHOW_PLAN])
def test_a_stranger_may_neither_answer_nor_look(office: Office, action: Action, who: dict[str, Any]) -> None:
    """Nothing is ordered, nobody else sees that somebody tried, and the buttons stay for those who may."""
    ask = office.ask()

    told = answered(office, a_click(action, ask.id, **who))

    assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)
    assert "blocks" not in told
    assert office.account.ordered() == []
    assert office.desk.asks.get(ask.id).answer == ""


def test_without_a_workspace_the_person_alone_counts(office: Office) -> None:
    """An organisation of many workspaces need not name them."""
    ask = office.ask()
    click = a_click(Action.APPROVE, ask.id, user={"id": ALICE, "username": "alice", "team_id": "T0002"})

    told = answered(office, click, replace(WITH_BUTTONS, slack_team_id=None))

    assert told["replace_original"] is True


def test_a_click_that_is_replayed_changes_nothing(office: Office) -> None:
    """After the key is closed, the very same request finds its question answered."""
    ask = office.ask()
    click = a_click(Action.APPROVE, ask.id)
    answered(office, click)
    (ordered,) = office.account.ordered()
    remediate(office.account.guard, Order.from_json(ordered))

    told = answered(office, click)

    assert f"`{ask.id}` is approved by slack:{TEAM}/{ALICE} alice already." in told["text"]
    assert office.account.ordered() == []


def test_a_stale_plan_says_so_and_is_asked_about_anew(office: Office) -> None:
    """Its buttons go, since nobody can answer it any more, and the key is looked at again."""
    ask = office.ask()
    office.account.put(ask.key_arn, closed("vpce-0aaaaaaaaaaaaaaaa"))

    told = answered(office, a_click(Action.APPROVE, ask.id))

    assert told["blocks"][:-1] == [QUESTION]
    assert "is another by now; the key is looked at again." in told["text"]
    assert office.account.ordered() == []
    assert office.looked_at_again() == [ask.key_arn]


def test_what_somebody_calls_himself_is_no_markup(office: Office) -> None:
    """A name must not call the whole channel."""
    ask = office.ask()
    approval.approve(office.desk, ask.id, "slack:T1/U1 <!channel>")

    told = answered(office, a_click(Action.APPROVE, ask.id))

    assert "&lt;!channel&gt;" in told["text"]


@pytest.mark.parametrize("day", ["2026-11-23", "2027-11-24"])
def test_a_day_that_will_not_do_leaves_the_question_open(office: Office, day: str) -> None:
    """Only the one who picked it hears of it, and can pick another."""
    ask = office.ask()

    told = answered(office, a_click(Action.IGNORE_UNTIL, ask.id, selected_date=day))

    assert told["response_type"] == "ephemeral"
    assert office.desk.asks.get(ask.id).answer == ""


def test_a_key_that_cannot_be_read_leaves_the_question_open(office: Office) -> None:
    """The one who pressed hears what KMS says."""
    ask = office.ask()
    refuse(office.account.kms, "GetKeyPolicy", "AccessDeniedException")

    told = answered(office, a_click(Action.APPROVE, ask.id))

    assert told["text"] == "The key cannot be read: AccessDeniedException: GetKeyPolicy is refused"
    assert told["response_type"] == "ephemeral"


def test_a_question_of_another_deployment_is_unknown(office: Office) -> None:
    """Two deployments may share an app by mistake; neither answers for the other."""
    told = answered(office, a_click(Action.APPROVE, "ffffffffffff"))

    assert told["text"] == "Nothing with the ID `ffffffffffff` waits for an answer."


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com.example.com/actions/1",
        "https://hooks.slack.com@example.com/actions/1",
        "https://hooks.slack.com:8443/actions/1",
        "http://hooks.slack.com/actions/1",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ],
)
def test_a_reply_goes_to_slack_and_nowhere_else(url: str) -> None:
    """The address comes with the click; it is compared with where Slack is before anything is sent, and never told."""
    click = a_click(Action.APPROVE, "ffffffffffff", response_url=url)

    with pytest.raises(slack.SlackRefuses, match=r"^the reply would not go to https://hooks\.slack\.com$"):
        slack_answers.post(WITH_BUTTONS, click, slack_answers.Reply("declined", "x", final=False))


def test_the_report_names_who_and_what_but_not_where_to_reply(office: Office) -> None:
    """It goes to the log."""
    ask = office.ask()
    click = a_click(Action.APPROVE, ask.id)

    report = slack_answers.answer(office.desk, WITH_BUTTONS, click).report(click)

    assert (report.done, report.key_arn, report.cause) == ("approved", ask.key_arn, ask.id)
    assert report.reason == f"approve by slack:{TEAM}/{ALICE} alice"
    assert HOOK not in repr(report)
