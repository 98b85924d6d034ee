from datetime import UTC, datetime, timedelta

import pytest

from kms_perimeter import guard
from kms_perimeter.aws.ledger import Kind
from tests.unit.account import OPEN, OURS, REGION, Account, a_change
from tests.unit.command import Ran, run
from tests.unit.deployed import deploy
from tests.unit.desk import Office

CALLER = f"arn:aws:sts::{OURS}:user/moto"
DAY = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
GIVEN = ("--until", DAY, "--reason", "the migration")


@pytest.fixture(params=["enforce", "alert"])
def office(account: Account, request: pytest.FixtureRequest) -> Office:
    """A deployment in a guarded account, with remediation and without."""
    return Office(account, deploy(account, Mode=request.param))


def exempt(key: str, *options: str) -> Ran:
    """Runs `exempt` in the account's Region."""
    return run("exempt", key, "--region", REGION, *options)


def test_a_key_is_excused_in_the_callers_name(office: Office) -> None:
    """The guard leaves it alone, and the ledger says whose word it is and until when."""
    arn = office.account.key(OPEN)

    ran = exempt(arn, *GIVEN)

    assert (ran.status, ran.out) == (0, f"{CALLER} answers for {arn} until {DAY}\n")
    (entry,) = office.account.guard.ledger.entries(arn)
    assert (entry.kind, entry.actor, entry.facts["until"]) == (Kind.EXCEPTED, CALLER, DAY)
    assert office.looked_at_again() == [arn]
    report = guard.examine(office.account.guard, a_change(arn))
    assert (report.done, office.account.ordered(), office.account.kinds()) == ("ignore", [], [])


def test_somebody_else_may_answer_for_it(office: Office) -> None:
    """The one who registers it stands in the ledger, the one who answers in the exception."""
    arn = office.account.key(OPEN)

    exempt(arn, *GIVEN, "--owner", "team-payments")

    exception = office.account.guard.ledger.state(arn).exception
    assert exception
    assert exception.owner == "team-payments"


def test_an_exception_can_be_ended_before_its_day(office: Office) -> None:
    """The guard takes the key up again, and is told to look at once."""
    arn = office.account.key(OPEN)
    exempt(arn, *GIVEN)
    guard.examine(office.account.guard, a_change(arn))
    office.looked_at_again()

    ran = exempt(arn, "--end")

    assert ran.status == 0
    assert office.looked_at_again() == [arn]
    assert guard.examine(office.account.guard, a_change(arn, "event-2")).done == "remediate"
    assert exempt(arn, "--end").status == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --until and --reason, or --end alone"),
        (["--until", DAY], "give --until and --reason, or --end alone"),
        (["--end", *GIVEN], "give --until and --reason, or --end alone"),
        (["--end", "--owner", "x"], "give --until and --reason, or --end alone"),
        (["--until", "2020-01-01", "--reason", "x"], "2020-01-01 is past"),
        (["--until", "2999-01-01", "--reason", "x"], "more than 90 days away"),
    ],
)
def test_what_cannot_be_meant_is_bad_usage(account: Account, options: list[str], message: str) -> None:
    """One line says what is missing, and nothing is registered."""
    deploy(account)
    arn = account.key(OPEN)

    ran = exempt(arn, *options)

    assert ran.status == 2
    assert message in ran.err
    assert account.guard.ledger.state(arn).exception is None
