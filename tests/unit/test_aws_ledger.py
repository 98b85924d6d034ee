import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kms_perimeter.aws.ledger import KEPT_REMEDIATIONS, Entry, Finding, Kind, Ledger, Settlement, State
from kms_perimeter.errors import LedgerConflict, LedgerIsBusy
from tests.unit.account import NOON, OURS, Account, refuse

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


def test_nobody_works_on_what_a_later_look_has_settled(account: Account) -> None:
    """A run that has read the policy and then hung gets no claim, whichever way it asks; its look is noted."""
    account.guard.ledger.settle(KEY, Settlement(ENCLOSED, NOON))
    before = NOON - timedelta(seconds=1)

    state, taken = account.guard.ledger.take(KEY, ESCAPES, before)
    with pytest.raises(LedgerConflict):
        account.guard.ledger.claim(KEY, ESCAPES, NOON + timedelta(seconds=1), before)

    assert (state.settled, taken) == (ENCLOSED, False)
    account.guard.ledger.claim(KEY, ESCAPES, NOON)


def test_a_look_may_take_the_work_with_it(account: Account) -> None:
    """The first look at a finding has the work; a second one is noted all the same, and knows what the first knew."""
    first, second = (account.guard.ledger.take(KEY, ESCAPES, NOON + timedelta(seconds=s)) for s in (0, 30))

    assert first == (State(), True)
    assert second == (State(seen="b2", seen_at=NOON), False)
    assert account.guard.ledger.state(KEY).seen_at == NOON + timedelta(seconds=30)


def test_an_entry_and_its_settlement_are_one(account: Account) -> None:
    """What is settled is written, and what is written is settled, in one call."""
    account.calls.clear()
    account.guard.ledger.record(an_entry(), Settlement(ESCAPES, NOON))

    assert account.calls == ["TransactWriteItems"]
    assert list(account.guard.ledger.entries(KEY)) == [an_entry()]
    assert account.guard.ledger.state(KEY).settled == ESCAPES


def test_nothing_is_settled_if_the_entry_cannot_be_written(account: Account) -> None:
    """And nothing is written if something newer is settled."""
    ledger = account.guard.ledger
    ledger.write(an_entry())
    ledger.settle(OTHER, Settlement(ENCLOSED, NOON))

    with pytest.raises(LedgerConflict):
        ledger.conclude(an_entry(), Settlement(ESCAPES, NOON))
    with pytest.raises(LedgerConflict):
        ledger.conclude(Entry(OTHER, NOON, "e", Kind.VERDICT), Settlement(ESCAPES, NOON - timedelta(seconds=1)))

    assert ledger.state(KEY).settled is None
    assert list(ledger.entries(OTHER)) == []


def test_what_an_earlier_run_has_written_is_settled_by_itself(account: Account) -> None:
    """A run that died between the two is completed; what is newer stays."""
    ledger = account.guard.ledger
    ledger.write(an_entry(outcome="escapes"))
    ledger.record(an_entry(outcome="enclosed"), Settlement(ESCAPES, NOON))

    ledger.record(Entry(KEY, NOON, "event-0", Kind.VERDICT), Settlement(ENCLOSED, NOON - timedelta(seconds=1)))

    assert [entry.facts.get("outcome") for entry in ledger.entries(KEY)] == ["escapes", None]
    assert ledger.state(KEY).settled == ESCAPES


@pytest.mark.parametrize(
    ("seen", "after", "concludes"), [("b2", 1, True), ("a1", 1, True), ("c3", 1, False), ("c3", -1, True)]
)
def test_a_policy_of_somebody_else_keeps_a_remediation_from_its_end(
    account: Account, seen: str, after: int, *, concludes: bool
) -> None:
    """If a look has found a third policy since the plan, that must be told before anything is settled."""
    ledger, planned = account.guard.ledger, NOON
    ledger.observe(KEY, Finding("escapes", seen, "default"), planned + timedelta(seconds=after))
    ledger.plan(KEY, "a1", planned)

    try:
        ledger.conclude(an_entry(), Settlement(ENCLOSED, NOON + timedelta(seconds=2)), seen=["b2", "a1"])
    except LedgerConflict:
        assert not concludes
    else:
        assert concludes


def test_a_plan_is_saved_with_the_note_of_it(account: Account) -> None:
    """And noted again if it was saved before."""
    ledger, saved = account.guard.ledger, an_entry(Kind.PLANNED, before="{}")
    for seconds in (0, 5):
        ledger.save(saved, "a1", NOON + timedelta(seconds=seconds))

    assert list(ledger.entries(KEY)) == [saved]
    assert (ledger.state(KEY).planned, ledger.state(KEY).planned_at) == ("a1", NOON + timedelta(seconds=5))


def test_a_state_and_an_entry_come_in_one_call(account: Account) -> None:
    """Either may not be there."""
    ledger, entry = account.guard.ledger, an_entry(outcome="escapes")
    assert ledger.state_and_entry(KEY, entry.sort_key) == (State(), None)
    ledger.record(entry, Settlement(ESCAPES, NOON))
    account.calls.clear()

    state, found = ledger.state_and_entry(KEY, entry.sort_key)

    assert (state.settled, found, account.calls) == (ESCAPES, entry, ["BatchGetItem"])


def test_alerts_are_counted_by_windows_that_are_forgotten(account: Account) -> None:
    """Each window has a number of its own, which DynamoDB may delete a day later."""
    ledger, later = account.guard.ledger, NOON + timedelta(minutes=5)

    assert [ledger.count_alerts(window, more) for window, more in ((NOON, 1), (NOON, 2), (later, 1))] == [1, 3, 1]
    expire = [int(i["expires_at"]["N"]) for i in account.dynamodb.scan(TableName="ledger")["Items"]]
    assert sorted(expire) == [int((at + timedelta(days=1)).timestamp()) for at in (NOON, later)]


def cancelled(account: Account, *reasons: str, times: int = 1) -> None:
    """DynamoDB cancels the next transactions, for these reasons."""
    left = iter(range(times))

    def answer(**_: object) -> Any:  # noqa: ANN401 - as botocore wants it
        if next(left, None) is None:
            return None
        error = {"Error": {"Code": "TransactionCanceledException", "Message": "cancelled"}}
        return _Answer(), {**error, "CancellationReasons": [{"Code": reason} for reason in reasons]}

    account.dynamodb.meta.events.register_last("before-call.dynamodb.TransactWriteItems", answer)


class _Answer:
    def __init__(self, status_code: int = 400) -> None:
        self.status_code = status_code


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_another_transaction_is_waited_for(account: Account, code: str) -> None:
    """Nobody else tries again what DynamoDB has refused because of others."""
    cancelled(account, "None", code, times=2)
    pauses: list[float] = []

    patient(account, pauses).record(an_entry(), Settlement(ESCAPES, NOON))

    assert pauses == [0.05, 0.1]
    assert account.guard.ledger.state(KEY).settled == ESCAPES


def test_a_single_write_waits_as_well(account: Account) -> None:
    """A look may meet the transaction that settles the look before."""
    refuse(account.dynamodb, "UpdateItem", "TransactionConflictException")
    pauses: list[float] = []

    patient(account, pauses).observe(KEY, ENCLOSED, NOON)

    assert pauses == [0.05]
    assert account.guard.ledger.state(KEY).seen == "a1"


@pytest.mark.parametrize(("reason", "waits"), [("TransactionConflict", 4), ("ValidationError", 0)])
def test_what_does_not_pass_is_raised(account: Account, reason: str, waits: int) -> None:
    """After less than a second, or at once where to wait would not help; the message comes again."""
    cancelled(account, reason, "None", times=9)
    pauses: list[float] = []

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        patient(account, pauses).record(an_entry(), Settlement(ESCAPES, NOON))

    assert len(pauses) == waits


def left_unread(account: Account, times: int) -> None:
    """DynamoDB leaves everything of the next batches unread."""
    left = iter(range(times))

    def answer(params: dict[str, Any], **_: object) -> Any:  # noqa: ANN401 - as botocore wants it
        if next(left, None) is None:
            return None
        return _Answer(200), {"Responses": {}, "UnprocessedKeys": json.loads(params["body"])["RequestItems"]}

    account.dynamodb.meta.events.register_last("before-call.dynamodb.BatchGetItem", answer)


def test_what_was_left_unread_is_read_again(account: Account) -> None:
    """A key's state that was not read must not be taken for that of a key never seen."""
    entry = an_entry(outcome="escapes")
    account.guard.ledger.record(entry, Settlement(ESCAPES, NOON))
    left_unread(account, times=2)
    pauses: list[float] = []

    state, found = patient(account, pauses).state_and_entry(KEY, entry.sort_key)

    assert (state.settled, found, pauses) == (ESCAPES, entry, [0.05, 0.1])


def test_what_stays_unread_is_an_error(account: Account) -> None:
    """After less than a second the message is left to come again."""
    left_unread(account, times=9)
    pauses: list[float] = []

    with pytest.raises(LedgerIsBusy, match="2 items"):
        patient(account, pauses).state_and_entry(KEY, an_entry().sort_key)

    assert len(pauses) == 4


def patient(account: Account, pauses: list[float]) -> Ledger:
    """A ledger that notes for how long it would wait."""
    return Ledger(account.dynamodb, "ledger", pauses.append)


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
