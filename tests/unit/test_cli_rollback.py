import json
from datetime import date, timedelta
from typing import Any

import pytest

from kms_perimeter import guard
from kms_perimeter.aws.ledger import Entry, Kind
from kms_perimeter.order import Order
from kms_perimeter.remediation import remediate
from tests.unit.account import APPROVED, OPEN, OURS, REGION, Account, a_change, closed
from tests.unit.command import Ran, run
from tests.unit.deployed import deploy
from tests.unit.refusing import ENVIRONMENT, refused

CALLER = f"arn:aws:sts::{OURS}:user/moto"
FORCED = ("--force", "--reason", "a batch job breaks")


def rollback(key: str, *options: str, stdin: str = "") -> Ran:
    """Runs `rollback` in the account's Region."""
    return run("rollback", key, "--region", REGION, *options, stdin=stdin, env=ENVIRONMENT)


@pytest.fixture
def fixed(account: Account) -> str:
    """A key that the guard has closed, in an account with a deployment."""
    deploy(account, Mode="enforce")
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn))
    (ordered,) = account.ordered()
    remediate(account.guard, Order.from_json(ordered))
    account.told()
    return arn


def says(account: Account, arn: str) -> Any:  # noqa: ANN401 - JSON
    """What the key's policy says now."""
    return json.loads(account.policy(arn))


def entries(account: Account, arn: str, kind: Kind) -> list[Entry]:
    """The entries of a kind about a key, newest first."""
    return [entry for entry in account.guard.ledger.entries(arn) if entry.kind is kind]


def test_an_open_policy_is_not_put_back_without_force(account: Account, fixed: str) -> None:
    """The verdict and the change are shown, and which proof fails; nothing is done."""
    enclosed = account.policy(fixed)

    ran = rollback(fixed, "--yes")

    assert ran.status == 1
    assert "this policy: escapes (perimeter default)" in ran.out
    assert '-      "Effect": "Deny"' in ran.out
    assert "the new policy would not be enclosed" in ran.err
    assert account.policy(fixed) == enclosed
    assert entries(account, fixed, Kind.ROLLED_BACK) == []


def test_with_force_it_is_put_back_as_an_exception_that_the_guard_heeds(account: Account, fixed: str) -> None:
    """The caller answers for the key for seven days: the guard only tells that, and when it ends."""
    ran = rollback(fixed, *FORCED, "--yes")

    last_day = date.today() + timedelta(days=7)  # noqa: DTZ011 - the command's own clock
    exception = account.guard.ledger.state(fixed).exception
    assert ran.status == 0
    assert says(account, fixed) == json.loads(OPEN)
    assert exception
    assert (exception.owner, exception.reason) == (CALLER, "a batch job breaks")
    assert abs(exception.expires - last_day) <= timedelta(days=1)
    report = guard.examine(account.guard, a_change(fixed, "event-2", policy=OPEN))
    assert (report.done, account.ordered(), account.kinds()) == ("ignore", [], ["exception-ends"])


def test_what_the_old_policy_takes_away_is_shown(account: Account, fixed: str) -> None:
    """Whoever goes back sees who loses what by it, before he says yes."""
    narrow = json.loads(closed())
    narrow["Statement"][0]["Action"] = ["kms:Get*", "kms:Put*", "kms:Describe*", "kms:Encrypt"]
    replaced = Entry(fixed, account.clock.now(), "event-9", Kind.PLANNED, "x", {"before": json.dumps(narrow)})
    account.guard.ledger.write(replaced)

    ran = rollback(fixed, "--to", replaced.id, stdin="n\n")

    assert "lost: " in ran.out
    assert "kms:Decrypt" in ran.out.partition("lost: ")[2]


def test_what_was_replaced_is_in_the_ledger(account: Account, fixed: str) -> None:
    """Before and after, by whom, why, and until when; and so a rollback can be rolled back."""
    enclosed = account.policy(fixed)
    rollback(fixed, *FORCED, "--yes")

    (entry,) = entries(account, fixed, Kind.ROLLED_BACK)

    assert (entry.kind, entry.actor, entry.facts["outcome"]) == (Kind.ROLLED_BACK, CALLER, "escapes")
    assert json.loads(entry.facts["before"]) == json.loads(enclosed)
    assert json.loads(entry.facts["after"]) == json.loads(OPEN)
    assert (entry.facts["reason"], entry.facts["forced"]) == ("a batch job breaks", "yes")
    assert rollback(fixed, "--to", entry.id, "--yes").status == 0
    assert says(account, fixed) == json.loads(enclosed)


def test_an_enclosed_policy_is_put_back_without_force(account: Account, fixed: str) -> None:
    """What is proved needs no exception: whatever the ledger has of the key can be gone back to."""
    enclosed = account.policy(fixed)
    account.put(fixed, closed())
    guard.examine(account.guard, a_change(fixed, "event-3", policy=closed()))
    judged = next(e for e in entries(account, fixed, Kind.VERDICT) if e.cause == "event-3")
    account.put(fixed, enclosed)

    ran = rollback(fixed, "--to", judged.id, stdin="y\n")

    assert ran.status == 0
    assert says(account, fixed) == json.loads(closed())
    assert ["forced" in entry.facts for entry in entries(account, fixed, Kind.ROLLED_BACK)] == [False]


@pytest.mark.parametrize("stdin", ["n\n", ""])
def test_nothing_is_put_without_a_yes(account: Account, fixed: str, stdin: str) -> None:
    """A no, or nobody there to say yes, leaves the key, the ledger and its exceptions as they are."""
    enclosed = account.policy(fixed)

    ran = rollback(fixed, *FORCED, stdin=stdin)

    assert ran.status == 1
    assert account.policy(fixed) == enclosed
    assert account.guard.ledger.state(fixed).exception is None


def test_a_key_that_has_the_policy_already_is_left_alone(account: Account, fixed: str) -> None:
    """A rollback that is repeated does nothing."""
    account.put(fixed, OPEN)

    ran = rollback(fixed, "--yes")

    assert ran.status == 0
    assert ran.out.endswith("nothing to do: the key has this policy already\n")
    assert entries(account, fixed, Kind.ROLLED_BACK) == []


def test_the_lockout_check_is_never_skipped(account: Account, fixed: str) -> None:
    """KMS may refuse; then the key and its exceptions are as they were, and the ledger says what was tried."""
    enclosed = account.policy(fixed)

    with refused("MalformedPolicyDocumentException", "kms:PutKeyPolicy"):
        ran = rollback(fixed, *FORCED, "--yes")

    assert ran.status == 2
    assert "MalformedPolicyDocumentException" in ran.err
    assert account.policy(fixed) == enclosed
    assert account.guard.ledger.state(fixed).exception is None
    kinds = {entry.kind for entry in account.guard.ledger.entries(fixed) if entry.actor == CALLER}
    assert kinds == {Kind.ROLLED_BACK, Kind.REFUSED}


def test_where_the_key_is_seen_to_be_as_before_no_exception_is_left(account: Account, fixed: str) -> None:
    """KMS is unwell and takes no policy: or else nobody would hear of it if somebody opened the key."""
    with refused("KMSInternalException", "kms:PutKeyPolicy"):
        ran = rollback(fixed, *FORCED, "--yes")

    assert ran.status == 2
    assert [json.loads(e.facts["after"]) for e in entries(account, fixed, Kind.ROLLED_BACK)] == [json.loads(OPEN)]
    assert account.guard.ledger.state(fixed).exception is None
    assert len(entries(account, fixed, Kind.REFUSED)) == 1


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--force"], 2, "--force needs a --reason"),
        ([*FORCED, "--until", "2020-01-01"], 2, "2020-01-01 is past"),
        ([*FORCED, "--until", "2099-01-01"], 2, "more than 90 days away"),
        (["--to", "0123456789ab"], 2, "the ledger has no entry `0123456789ab`"),
    ],
)
def test_what_cannot_be_meant_is_bad_usage(
    account: Account, fixed: str, options: list[str], status: int, message: str
) -> None:
    """One line says what is wrong, and nothing is done."""
    enclosed = account.policy(fixed)

    ran = rollback(fixed, "--yes", *options)

    assert ran.status == status
    assert message in ran.err
    assert account.policy(fixed) == enclosed


def test_a_key_that_the_guard_has_never_changed_has_nothing_to_go_back_to(account: Account) -> None:
    """An entry must be named then."""
    deploy(account)
    arn = account.key(OPEN)

    ran = rollback(arn, "--yes")

    told = f"the ledger knows no remediation of {arn}; name an entry with --to"
    assert (ran.status, ran.err) == (2, f"kms-perimeter: {told}\n")


LOCKED_OUT = closed(APPROVED).replace('"Action": "kms:*"', '"Action": "kms:Get*"')
DELETED = OPEN.replace(f"arn:aws:iam::{OURS}:root", "AROAEXAMPLEEXAMPLE12")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (LOCKED_OUT, "nobody but AWS Support could change the new policy again"),
        (DELETED, "principal `AROAEXAMPLEEXAMPLE12` in statement 0 (`Enable IAM policies`) was deleted"),
        ('{"Version": "2012-10-17"', "the policy is malformed"),
    ],
    ids=["locked out", "deleted", "malformed"],
)
def test_some_policies_are_not_put_back_even_with_force(
    account: Account, fixed: str, policy: str, message: str
) -> None:
    """Nobody could undo it, or KMS would not take it."""
    enclosed, ledger = account.policy(fixed), account.guard.ledger
    replaced = Entry(fixed, account.clock.now(), "event-9", Kind.PLANNED, "somebody", {"before": policy})
    ledger.write(replaced)

    ran = rollback(fixed, "--to", replaced.id, *FORCED, "--yes")

    assert ran.status == 1
    assert message in ran.err
    assert account.policy(fixed) == enclosed
