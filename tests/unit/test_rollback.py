from dataclasses import replace

import pytest

from kms_perimeter import rollback
from kms_perimeter.aws.ledger import Entry, Kind
from kms_perimeter.errors import NothingToGoBackTo, StalePlan
from kms_perimeter.perimeter import PerimeterFile
from kms_perimeter.rollback import Means
from tests.unit.account import NOON, OPEN, Account, closed

OTHER = closed("vpce-0bbbbbbbbbbbbbbbb")


def means(account: Account) -> Means:
    """What a rollback is done with, in an account in memory."""
    guard = account.guard
    return Means(guard.keys, guard.ledger, guard.perimeters, None, guard.now, guard.pause)


def an_entry(arn: str, **facts: str) -> Entry:
    """An entry about a key that nobody has to read from the ledger."""
    return Entry(arn, NOON, "event-1", Kind.PLANNED, "somebody", facts)


def test_what_was_shown_is_what_is_replaced(account: Account) -> None:
    """Somebody else's policy that came in between is not overwritten unseen: nothing is put, nothing is noted."""
    arn = account.key(OPEN)
    planned = rollback.propose(means(account), arn, an_entry(arn, before=closed()))
    account.put(arn, OTHER)

    with pytest.raises(StalePlan):
        rollback.carry_out(means(account), planned, "somebody")

    assert "PutKeyPolicy" not in account.calls
    assert list(account.guard.ledger.entries(arn)) == []


def test_an_entry_without_a_policy_is_no_way_back(account: Account) -> None:
    """Some entries tell of answers and marks, and replaced nothing."""
    arn = account.key(OPEN)

    with pytest.raises(NothingToGoBackTo):
        rollback.propose(means(account), arn, an_entry(arn, reason="none"))


def test_a_key_under_no_perimeter_is_not_judged(account: Account) -> None:
    """The guard has nothing to say about it, so nothing must be forced."""
    arn = account.key(OPEN)
    nowhere = replace(means(account), perimeters=PerimeterFile(()))

    planned = rollback.propose(nowhere, arn, an_entry(arn, before=OPEN))

    assert (planned.verdict, planned.refused, planned.objections) == (None, (), ())
