from datetime import timedelta

import pytest

from kms_perimeter.aws.ledger import KEPT_REMEDIATIONS, Entry, Finding, Kind, Settlement, State
from kms_perimeter.errors import LedgerConflict
from tests.unit.account import NOON, OURS, Account

KEY = f"arn:aws:kms:us-east-1:{OURS}:key/1"
OTHER = f"arn:aws:kms:us-east-1:{OURS}:key/2"
ENCLOSED = Finding("enclosed", "a1", "default")
ESCAPES = Finding("escapes", "b2", "default")


def an_entry(kind: Kind = Kind.VERDICT, cause: str = "event-1", **facts: str) -> Entry:
    """An entry about the key, with whatever facts the test is about."""
    return Entry(KEY, NOON, cause, kind, "Alice", facts)


def test_a_key_never_seen_has_an_empty_state(account: Account) -> None:
    """Nothing is known of a key before it is first looked at."""
    assert account.guard.ledger.observe(KEY, ENCLOSED, NOON) == State()
    assert account.guard.ledger.state(OTHER) == State()


def test_observing_alone_settles_nothing(account: Account) -> None:
    """Until what follows from a finding is done, the finding is news to the next run."""
    account.guard.ledger.observe(KEY, ESCAPES, NOON)

    assert account.guard.ledger.observe(KEY, ESCAPES, NOON).settled is None


def test_what_is_settled_is_told_to_the_next_run(account: Account) -> None:
    """The last settled finding is what the next one is compared with."""
    account.guard.ledger.settle(KEY, Settlement(ESCAPES, NOON))

    assert account.guard.ledger.observe(KEY, ENCLOSED, NOON).settled == ESCAPES


def test_an_older_finding_does_not_overwrite_a_newer_one(account: Account) -> None:
    """Of two runs side by side, the one that read the policy last has the last word."""
    account.guard.ledger.settle(KEY, Settlement(ENCLOSED, NOON))

    account.guard.ledger.settle(KEY, Settlement(ESCAPES, NOON - timedelta(seconds=1)))

    assert account.guard.ledger.state(KEY).settled == ENCLOSED


def test_only_one_run_at_a_time_works_on_a_finding(account: Account) -> None:
    """A second run of the same work is sent away, and may come back once the first must be dead."""
    account.guard.ledger.claim(KEY, ESCAPES, NOON)

    with pytest.raises(LedgerConflict):
        account.guard.ledger.claim(KEY, ESCAPES, NOON + timedelta(seconds=30))

    account.guard.ledger.claim(KEY, ENCLOSED, NOON + timedelta(seconds=30))
    account.guard.ledger.claim(KEY, ESCAPES, NOON + timedelta(seconds=30))
    account.guard.ledger.claim(KEY, ESCAPES, NOON + timedelta(minutes=3))


def test_an_entry_is_never_overwritten(account: Account) -> None:
    """The ledger keeps the first word; whoever writes again is told."""
    account.guard.ledger.write(an_entry(outcome="escapes"))

    with pytest.raises(LedgerConflict):
        account.guard.ledger.write(an_entry(outcome="enclosed"))

    assert [entry.facts["outcome"] for entry in account.guard.ledger.entries(KEY)] == ["escapes"]


def test_entries_come_newest_first_and_whole(account: Account) -> None:
    """A key's story can be told from its entries, policies and all."""
    first = an_entry(policy="{}", policy_hash="a1")
    later = Entry(KEY, NOON + timedelta(seconds=5), "event-0", Kind.PLANNED, "guard", {"before": "x" * 32_768})
    for entry in (first, later):
        account.guard.ledger.write(entry)
    account.guard.ledger.settle(KEY, Settlement(ENCLOSED, NOON))

    told = list(account.guard.ledger.entries(KEY))

    assert told == [later, first]
    assert [entry.facts for entry in told] == [later.facts, first.facts]


def test_the_steps_of_one_cause_come_in_their_order(account: Account) -> None:
    """What one event led to is found by the event."""
    account.guard.ledger.write(an_entry(Kind.REMEDIATED))
    account.guard.ledger.write(an_entry(Kind.VERDICT))
    account.guard.ledger.write(an_entry(Kind.PLANNED))
    account.guard.ledger.write(an_entry(Kind.VERDICT, cause="event-10"))

    kinds = [entry.kind for entry in account.guard.ledger.of_cause(KEY, NOON, "event-1")]

    assert kinds == [Kind.VERDICT, Kind.PLANNED, Kind.REMEDIATED]


def test_counts_remediations_within_a_window(account: Account) -> None:
    """Remediations are remembered with their times, the last twenty of them."""
    times = tuple(NOON + timedelta(minutes=minute) for minute in range(KEPT_REMEDIATIONS + 5))

    account.guard.ledger.remediated(KEY, times)

    state = account.guard.ledger.state(KEY)
    assert len(state.remediated_at) == KEPT_REMEDIATIONS
    assert state.remediations_since(NOON + timedelta(minutes=KEPT_REMEDIATIONS + 2)) == 2


def test_a_key_is_contested_until_it_is_released(account: Account) -> None:
    """The mark is set once, and may be set again after a release."""
    account.guard.ledger.contest(KEY, NOON)
    with pytest.raises(LedgerConflict):
        account.guard.ledger.contest(KEY, NOON + timedelta(seconds=1))
    assert account.guard.ledger.state(KEY).contested_since == NOON

    account.guard.ledger.release(KEY)

    assert account.guard.ledger.state(KEY).contested_since is None
    account.guard.ledger.contest(KEY, NOON)


def test_tells_every_key_with_its_state(account: Account) -> None:
    """The table of keys is the states of all keys, without their entries."""
    account.guard.ledger.settle(KEY, Settlement(ENCLOSED, NOON))
    account.guard.ledger.settle(OTHER, Settlement(ESCAPES, NOON))
    account.guard.ledger.write(an_entry())

    states = dict(account.guard.ledger.keys())

    assert {arn: state.settled for arn, state in states.items()} == {KEY: ENCLOSED, OTHER: ESCAPES}
