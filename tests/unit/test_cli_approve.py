import pytest

from kms_perimeter.aws.ledger import Kind
from tests.unit.account import NOON, OPEN, OURS, REGION, Account, closed
from tests.unit.command import Ran, run
from tests.unit.deployed import deploy
from tests.unit.desk import Office

IN_REGION = ("--region", REGION)
CALLER = f"arn:aws:sts::{OURS}:user/moto"


@pytest.fixture
def office(account: Account) -> Office:
    """A desk in a guarded account, in which the command line finds a deployment."""
    return Office(account, deploy(account))


def approve(ask_id: str, *options: str, stdin: str = "") -> Ran:
    """Runs `approve` in the account's Region."""
    return run("approve", ask_id, *IN_REGION, *options, stdin=stdin)


def test_shows_the_plan_asks_back_and_approves_by_the_callers_name(office: Office) -> None:
    """What is approved was seen, and the ledger says by whom."""
    ask = office.ask()

    ran = approve(ask.id, stdin="y\n")

    assert ran.status == 0
    assert '+      "Effect": "Deny"' in ran.out
    assert f"approved by {CALLER}" in ran.out
    assert "Approve this plan? [y/N]" in ran.err
    assert [order["approved_by"] for order in office.account.ordered()] == [CALLER]
    assert [(e.kind, e.actor) for e in office.account.guard.ledger.entries(ask.key_arn)] == [(Kind.APPROVED, CALLER)]


@pytest.mark.parametrize("stdin", ["n\n", ""])
def test_nothing_is_approved_without_a_yes(office: Office, stdin: str) -> None:
    """A no, or nobody there to say yes, leaves the question open."""
    ask = office.ask()

    ran = approve(ask.id, stdin=stdin)

    assert ran.status == 1
    assert ran.err.endswith("kms-perimeter: nothing is done; give --yes where nobody can be asked\n")
    assert office.account.ordered() == []
    assert office.desk.asks.get(ask.id).answer == ""


def test_a_script_says_yes_beforehand(office: Office) -> None:
    """Nothing is asked back."""
    ask = office.ask()

    ran = approve(ask.id, "--yes")

    assert (ran.status, ran.err) == (0, "")
    assert len(office.account.ordered()) == 1


def test_a_stale_plan_is_refused_and_asked_about_anew(office: Office) -> None:
    """Its own exit status tells a script to wait for the new question."""
    ask = office.ask()
    office.account.put(ask.key_arn, closed("vpce-0aaaaaaaaaaaaaaaa"))

    ran = approve(ask.id, "--yes")

    told = f"the policy of `{ask.key_arn}` is another by now; the key is looked at again"
    assert (ran.status, ran.err) == (3, f"kms-perimeter: {told}\n")
    assert office.account.ordered() == []
    assert office.looked_at_again() == [ask.key_arn]


def test_an_answered_question_names_who_has_answered(office: Office) -> None:
    """Whoever comes second hears who was first."""
    ask = office.ask()
    office.desk.asks.answer(ask.id, "ignored", "slack:T1/U1 alice", NOON)

    ran = approve(ask.id, "--yes")

    assert (ran.status, ran.err) == (1, f"kms-perimeter: `{ask.id}` is ignored by slack:T1/U1 alice already\n")


@pytest.mark.usefixtures("office")
def test_an_unknown_question_is_bad_usage() -> None:
    """A mistyped ID, or one of another deployment."""
    ran = approve("ffffffffffff", "--yes")

    assert (ran.status, ran.err) == (2, "kms-perimeter: nothing with the ID `ffffffffffff` waits for an answer\n")


@pytest.mark.usefixtures("account")
def test_an_account_without_a_deployment_is_named() -> None:
    """The Region is the one that is usually forgotten."""
    ran = approve("ffffffffffff", "--yes")

    assert (ran.status, ran.err) == (2, f"kms-perimeter: there is no stack `kms-perimeter` in {REGION}\n")


def test_another_stack_is_found_by_its_name(account: Account) -> None:
    """Whoever deploys twice says which one is meant."""
    office = Office(account, deploy(account, "payments"))
    ask = office.ask()

    assert approve(ask.id, "--yes", "--stack", "payments").status == 0


def test_in_the_mode_alert_there_is_nothing_to_approve(account: Account) -> None:
    """Without remediation nobody would do what was approved."""
    deploy(account, Mode="alert")

    ran = approve("ffffffffffff", "--yes")

    told = "the stack `kms-perimeter` is deployed without `RemediationsQueueUrl` (its mode is alert)"
    assert (ran.status, ran.err) == (2, f"kms-perimeter: {told}\n")


@pytest.mark.usefixtures("office")
def test_a_profile_that_is_not_there_is_one_line() -> None:
    """No traceback for what a person mistypes."""
    ran = approve("ffffffffffff", "--profile", "nobody")

    assert ran.status == 2
    assert ran.err.startswith("kms-perimeter: The config profile (nobody) could not be found;")
    assert ran.err.count("\n") == 1


def test_a_contested_key_is_resumed_by_its_alias(office: Office) -> None:
    """It is contested no longer, the ledger says who ended that and why, and the key is looked at at once."""
    arn, ledger = office.account.key(OPEN), office.account.guard.ledger
    office.account.kms.create_alias(AliasName="alias/prod-payments", TargetKeyId=arn)
    ledger.contest(arn, NOON)

    ran = run("resume", "alias/prod-payments", "--reason", "the pipeline is mended", *IN_REGION)

    assert (ran.status, ran.out) == (0, f"resumed: the guard looks at {arn} now\n")
    assert ledger.state(arn).contested_since is None
    assert [(e.kind, e.actor, e.facts["reason"]) for e in ledger.entries(arn)] == [
        (Kind.RESUMED, CALLER, "the pipeline is mended")
    ]
    assert office.looked_at_again() == [arn]


def test_a_key_that_is_not_contested_is_not_resumed(office: Office) -> None:
    """It is looked at all the same, in case an earlier run has died half-way."""
    arn = office.account.key(OPEN)

    ran = run("resume", arn.rsplit("/", 1)[-1], *IN_REGION)

    assert (ran.status, ran.err) == (1, f"kms-perimeter: {arn} is not contested; it is looked at all the same\n")
    assert office.looked_at_again() == [arn]
