import json
from datetime import date, timedelta

import pytest

from kms_perimeter import approval
from kms_perimeter.aws.ledger import Entry, Kind
from kms_perimeter.errors import AccessIsDenied, AlreadyAnswered, NoSuchAsk, StalePlan, UnusableDay
from kms_perimeter.order import Order
from kms_perimeter.remediation import remediate
from tests.unit.account import NOON, OPEN, Account, closed, refuse
from tests.unit.desk import Office

ALICE, BOB = "slack:T1/U1 alice", "slack:T1/U2 bob"
TOMORROW = NOON.date() + timedelta(days=1)


@pytest.fixture
def office(account: Account) -> Office:
    """A desk in a guarded account."""
    return Office.open(account)


def entries(office: Office, arn: str) -> list[Entry]:
    """What the ledger says about a key, oldest first."""
    return list(office.account.guard.ledger.entries(arn, newest_first=False))


def test_a_yes_closes_the_key(office: Office) -> None:
    """The approved order is carried out, by the name of the one who approved it."""
    ask = office.ask()

    approval.approve(office.desk, ask.id, ALICE)

    (ordered,) = office.account.ordered()
    assert remediate(office.account.guard, Order.from_json(ordered)).done == "remediated"
    told = [(e.kind, e.actor, e.facts.get("approved_by")) for e in entries(office, ask.key_arn)]
    assert (Kind.APPROVED, ALICE, None) in told
    assert {by for kind, _, by in told if kind is Kind.REMEDIATED} == {ALICE}


def test_the_question_tells_what_would_be_done(office: Office) -> None:
    """Whoever answers can see the plan and its difference; the ID is short enough to be typed."""
    ask = office.ask()

    assert json.loads(ask.plan["policy"])["Statement"][0] == json.loads(OPEN)["Statement"][0]
    assert '+      "Effect": "Deny"' in ask.diff
    assert len(ask.id) == 12


def test_the_same_question_is_asked_once(office: Office) -> None:
    """A run that is repeated asks the same, and does not wipe an answer out."""
    ask = office.ask()
    approval.approve(office.desk, ask.id, ALICE)

    assert office.ask(ask.key_arn) == ask
    assert office.desk.asks.get(ask.id).answered_by == ALICE


def test_a_question_nobody_asked_has_no_answer(office: Office) -> None:
    """A mistyped ID orders nothing."""
    with pytest.raises(NoSuchAsk, match=r"`ffffffffffff`"):
        approval.approve(office.desk, "ffffffffffff", ALICE)

    assert office.account.ordered() == []


def test_the_first_answer_counts(office: Office) -> None:
    """Whoever comes second hears who was first."""
    ask = office.ask()
    approval.ignore(office.desk, ask.id, ALICE, TOMORROW, "under repair")

    with pytest.raises(AlreadyAnswered, match=rf"^`{ask.id}` is ignored until {TOMORROW} by {ALICE} already$"):
        approval.approve(office.desk, ask.id, BOB)

    assert office.account.ordered() == []


def test_the_same_answer_given_again_is_carried_out_again(office: Office) -> None:
    """The run that carried it out may have died; the queue drops the second order of the same."""
    ask = office.ask()

    approval.approve(office.desk, ask.id, ALICE)
    approval.approve(office.desk, ask.id, ALICE)

    assert len(office.account.ordered()) == 1
    assert [e.kind for e in entries(office, ask.key_arn)] == [Kind.APPROVED]


def test_a_stale_plan_is_not_carried_out_but_asked_about_anew(office: Office) -> None:
    """A yes to one policy is no yes to another: the key is looked at as it is now."""
    ask = office.ask()
    office.account.put(ask.key_arn, closed("vpce-0aaaaaaaaaaaaaaaa"))

    with pytest.raises(StalePlan):
        approval.approve(office.desk, ask.id, ALICE)

    assert office.account.ordered() == []
    assert office.looked_at_again() == [ask.key_arn]
    assert office.desk.asks.get(ask.id).answer == ""


def test_a_click_that_comes_again_after_the_key_is_closed_is_not_stale(office: Office) -> None:
    """What was approved and done is answered, not stale, though the policy is another by now."""
    ask = office.ask()
    approval.approve(office.desk, ask.id, ALICE)
    (ordered,) = office.account.ordered()
    remediate(office.account.guard, Order.from_json(ordered))

    with pytest.raises(AlreadyAnswered, match=r"already$"):
        approval.approve(office.desk, ask.id, ALICE)

    assert office.looked_at_again() == []


def test_a_key_that_cannot_be_read_is_not_approved(office: Office) -> None:
    """Without a look at the live policy nobody knows what the yes is to."""
    ask = office.ask()
    refuse(office.account.kms, "GetKeyPolicy", "AccessDeniedException")

    with pytest.raises(AccessIsDenied):
        approval.approve(office.desk, ask.id, ALICE)

    assert office.account.ordered() == []


def test_somebody_answers_for_a_key_until_a_day(office: Office) -> None:
    """The exception is in the ledger with its reason, its owner and its day."""
    ask = office.ask()

    approval.ignore(office.desk, ask.id, ALICE, TOMORROW, "under repair")

    exception = office.account.guard.ledger.state(ask.key_arn).exception
    assert exception
    assert (exception.owner, exception.reason, exception.expires) == (ALICE, "under repair", TOMORROW)
    assert [(e.kind, e.facts["until"]) for e in entries(office, ask.key_arn)] == [(Kind.EXCEPTED, TOMORROW.isoformat())]


@pytest.mark.parametrize("days", [-1, 91])
def test_nobody_answers_for_a_day_that_is_past_or_far_away(office: Office, days: int) -> None:
    """A slip of the finger in a calendar must not leave a key open for years."""
    ask = office.ask()

    with pytest.raises(UnusableDay):
        approval.ignore(office.desk, ask.id, ALICE, NOON.date() + timedelta(days=days), "")

    assert office.desk.asks.get(ask.id).answer == ""


@pytest.mark.parametrize("days", [0, 90])
def test_today_and_ninety_days_ahead_will_do(days: int) -> None:
    """Both ends are within."""
    today = date(2026, 11, 24)

    approval.check_day(today + timedelta(days=days), today)


def test_a_contested_key_is_taken_up_again(office: Office) -> None:
    """It is contested no longer, the ledger says who ended that, and it is looked at at once."""
    arn, ledger = office.account.key(OPEN), office.account.guard.ledger
    ledger.contest(arn, NOON)

    assert approval.resume(office.desk, arn, ALICE)

    assert ledger.state(arn).contested_since is None
    assert [(e.kind, e.actor) for e in entries(office, arn)] == [(Kind.RESUMED, ALICE)]
    assert office.looked_at_again() == [arn]


def test_a_key_that_is_not_contested_is_looked_at_all_the_same(office: Office) -> None:
    """A run that died half-way is made good by the next."""
    arn = office.account.key(OPEN)

    assert not approval.resume(office.desk, arn, ALICE)

    assert entries(office, arn) == []
    assert office.looked_at_again() == [arn]
