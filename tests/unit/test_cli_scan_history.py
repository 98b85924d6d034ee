"""`kms-perimeter scan --stack`: the days before, as the sweeps of the deployment have left them in the ledger."""

from datetime import UTC, date, datetime, timedelta

from kms_perimeter.aws.ledger import Count, Counts
from kms_perimeter.fleet import Day, Standing, together
from tests.unit.account import OPEN, REGION, Account
from tests.unit.command import run
from tests.unit.deployed import deploy

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, 23) + timedelta(days=n) for n in range(3))


def days(**opened: int) -> list[Day]:
    """A Region's days by their names."""
    named = {"monday": MONDAY, "tuesday": TUESDAY, "wednesday": WEDNESDAY}
    return [Day(named[name], {Standing.OPEN: n}, {"production": {Standing.OPEN: n}}) for name, n in opened.items()]


def test_the_days_of_a_deployment_come_with_the_scan(account: Account) -> None:
    """Each day with its last sweep's counts, oldest first; not today, which the scan itself tells."""
    deploy(account)
    account.key(OPEN)
    counts, today = Counts(account.dynamodb, "ledger"), datetime.now(UTC)
    for ago, standing in ((2, Standing.OPEN), (1, Standing.ENCLOSED), (0, Standing.ENCLOSED)):
        counts.keep(Count(f"sweep-{ago}", today - timedelta(days=ago), {standing: 1}, {}), ())

    told = run("scan", "--stack", "kms-perimeter", "--region", REGION, "--format", "json").json["history"]

    assert [day["day"] for day in told] == [str(today.date() - timedelta(days=ago)) for ago in (2, 1)]
    assert [(day["counts"]["open"], day["counts"]["enclosed"]) for day in told] == [(1, 0), (0, 1)]


def test_regions_are_added_up_by_their_last_sweep() -> None:
    """A Region that was not swept on a day counts as on its last day before."""
    added = together([days(monday=3, tuesday=2), days(monday=1, wednesday=5)])

    assert [(day.day, day.counts[Standing.OPEN]) for day in added] == [(MONDAY, 4), (TUESDAY, 3), (WEDNESDAY, 7)]
    assert added[-1].perimeters == {"production": {Standing.OPEN: 7}}


def test_a_region_that_comes_in_later_brings_no_rise() -> None:
    """The days on which only some Regions were swept are left out; a Region that never was is no reason to."""
    added = together([days(monday=3, tuesday=3), days(tuesday=4), []])

    assert [(day.day, day.counts[Standing.OPEN]) for day in added] == [(TUESDAY, 7)]


def test_without_a_deployment_there_is_no_history() -> None:
    """Nothing is made up."""
    assert together([(), ()]) == ()
