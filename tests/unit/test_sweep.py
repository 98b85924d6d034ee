"""The lister, and what becomes of a sweep's messages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from kms_perimeter import guard, sweep
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.ledger import Sweeps
from kms_perimeter.aws.queues import Queue
from kms_perimeter.sweep import KEYS_PER_MESSAGE, Lister
from kms_perimeter.sweep.retry import RETRY_SECONDS
from tests.unit.account import NOON, OPEN, OURS, REGION, Account, closed, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.evidence import Guard, Report

PLENTY = timedelta(minutes=1)
RATE = 200.0  # keys a second: the default share of 20 %


def arn(number: int) -> str:
    """The ARN of one of many keys."""
    return f"arn:aws:kms:{REGION}:{OURS}:key/{number:08}"


@dataclass
class Listing:
    """A lister whose account has as many keys as a test says: moto gives all keys in one page."""

    account: Account
    kms: Stubber
    sweeps: str
    changes: str
    lister: Lister
    sent: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    later: list[tuple[dict[str, Any], int]] = field(default_factory=list)

    @classmethod
    def make(cls, account: Account) -> Listing:
        """A lister with empty queues."""
        client: Any = boto3.client("kms", REGION, aws_access_key_id="x", aws_secret_access_key="x")
        sweeps, changes = (account.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("sweeps", "changes"))
        lister = Lister(
            keys=Keys(client),
            sweeps=Sweeps(account.dynamodb, "ledger"),
            changes=Queue(account.sqs, changes),
            later=Queue(account.sqs, sweeps),
            rate=RATE,
            now=account.clock.now,
        )
        listing = cls(account, Stubber(client), sweeps, changes, lister)
        account.sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", listing._note)
        return listing

    def _note(self, params: dict[str, Any], **_: object) -> None:
        noted = self.sent if params["QueueUrl"] == self.changes else self.later
        noted += [(json.loads(entry["MessageBody"]), entry["DelaySeconds"]) for entry in params["Entries"]]

    def page(self, first: int, last: int, *, marker: str = "", more: str = "") -> None:
        """The next answer to `ListKeys`."""
        told: dict[str, Any] = {"Keys": [{"KeyArn": arn(n), "KeyId": f"{n:08}"} for n in range(first, last)]}
        told |= {"Truncated": True, "NextMarker": more} if more else {"Truncated": False}
        self.kms.add_response("list_keys", told, {"Limit": 1000, **({"Marker": marker} if marker else {})})

    def step(self, time_left: timedelta = PLENTY, name: str = "noon") -> sweep.Step:
        """One run of the lister."""
        with self.kms:
            done = sweep.step(self.lister, name, lambda: time_left)
        self.kms.assert_no_pending_responses()
        return done

    def keys(self) -> list[str]:
        """The keys that were put into the changes queue, in that order."""
        return [key for body, _ in self.sent for key in body["sweep"]["keys"]]


@pytest.fixture
def listing(account: Account) -> Listing:
    """A lister of the account."""
    return Listing.make(account)


def test_every_key_goes_into_the_queue_at_the_rate_that_was_given(listing: Listing) -> None:
    """SQS holds each message back until it is due: 400 keys at 200 a second take two seconds to come out."""
    listing.page(0, 200, more="on")
    listing.page(200, 400, marker="on")

    done = listing.step()

    assert (done.listed, done.messages, done.progress.keys) == (True, 40, 400)
    assert listing.keys() == [arn(number) for number in range(400)]
    assert [delay for _, delay in listing.sent] == [int(n * KEYS_PER_MESSAGE / RATE) for n in range(40)]


def test_a_lister_that_runs_out_of_time_goes_on_where_it_stopped(listing: Listing) -> None:
    """It leaves word for itself; what the next run needs to know is in the ledger."""
    listing.page(0, 100, more="on")
    left = iter((PLENTY, timedelta(seconds=5)))
    with listing.kms:
        first = sweep.step(listing.lister, "noon", lambda: next(left))
    assert (first.listed, listing.later) == (False, [({"sweep": "noon"}, 5)])

    listing.page(100, 150, marker="on")
    second = listing.step()

    assert (second.listed, second.progress.keys, second.progress.started_at) == (True, 150, NOON)
    assert listing.keys() == [arn(number) for number in range(150)]


def test_a_lister_that_dies_over_a_page_lists_that_page_again(listing: Listing) -> None:
    """The marker is noted after the page's keys are in the queue: none is missed, whenever it dies."""
    listing.page(0, 100, more="on")
    refuse(listing.account.dynamodb, "UpdateItem", "InternalServerError")
    with pytest.raises(ClientError, match="InternalServerError"):
        listing.step()

    listing.page(0, 100, more="on")
    listing.page(100, 110, marker="on")
    done = listing.step()

    assert (done.listed, done.progress.keys) == (True, 110)
    assert listing.keys() == [arn(n) for n in (*range(100), *range(110))]


def test_a_lister_is_never_far_ahead(listing: Listing) -> None:
    """Keys wait in the account, not in the queue, so that a sweep of any size can be stopped and nothing grows."""
    listing.lister = replace(listing.lister, rate=1.0)
    listing.page(0, 20, more="on")
    listing.page(20, 40, marker="on", more="and on")

    done = listing.step()

    assert (done.listed, done.progress.keys) == (False, 40)
    assert listing.later == [({"sweep": "noon"}, 25)]  # while there is still something to do for the workers


def test_a_lister_waits_while_the_queue_is_behind(listing: Listing) -> None:
    """Where KMS throttles the workers, keys are not piled up in front of what events tell of."""
    listing.lister = replace(listing.lister, rate=1.0)
    listing.lister.changes.send_all({"number": number} for number in range(2))  # more than ten seconds' keys
    listing.sent.clear()

    done = listing.step()

    assert (done.listed, done.messages, listing.later) == (False, 0, [({"sweep": "noon"}, 5)])


def test_a_marker_that_has_grown_too_old_is_no_end(listing: Listing) -> None:
    """The keys are listed from the start; those that were looked at since the sweep began are left alone."""
    listing.page(0, 10, more="on")
    listing.kms.add_client_error("list_keys", "InvalidMarkerException", expected_params={"Limit": 1000, "Marker": "on"})
    listing.page(0, 20)

    done = listing.step()

    assert done.listed
    assert set(listing.keys()) == {arn(number) for number in range(20)}


def test_two_runs_at_the_same_sweep_are_one(listing: Listing) -> None:
    """SQS may deliver an order twice: the run that comes second to a page leaves the rest to the first."""
    listing.page(0, 100, more="on")
    listing.page(100, 110, marker="on")
    listing.page(0, 100, more="on")
    first: list[sweep.Step] = []

    def meanwhile() -> timedelta:
        if not first:
            first.append(sweep.step(listing.lister, "noon", lambda: PLENTY))
        return PLENTY

    with listing.kms:
        second = sweep.step(listing.lister, "noon", meanwhile)

    assert (first[0].listed, second.listed, second.messages) == (True, False, 0)
    assert (listing.lister.sweeps.begin("noon", NOON).keys, len(listing.later)) == (110, 1)


def test_a_sweep_ends_when_its_keys_are_out_of_the_queue(listing: Listing) -> None:
    """And then it is over: the same order once more does nothing at all."""
    listing.page(0, 20)
    listing.step()
    assert listing.later == [({"sweep": "noon"}, 60)]

    listing.account.clock.pause(60)
    assert not listing.step().finished  # the two messages are still in the queue
    listing.account.sqs.purge_queue(QueueUrl=listing.changes)
    assert listing.step().finished

    again = listing.step()
    assert (again.finished, again.messages, len(listing.sent)) == (False, 0, 2)


def test_a_queue_that_is_never_empty_does_not_keep_a_sweep_from_its_end(listing: Listing) -> None:
    """An hour after the last key was due, each has been looked at or given up."""
    listing.page(0, 20)
    listing.step()
    listing.account.clock.pause(3700)

    assert listing.step().finished


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 7, {"sweep": "noon"}])
def test_a_sweep_has_a_short_name(given: object) -> None:
    """It becomes a part of the ledger's keys."""
    with pytest.raises(ValueError, match="not the ID of a sweep"):
        sweep.new_id(given, "request-1")


def test_a_sweep_without_a_name_is_named_by_whoever_asks() -> None:
    """The schedule names the time that it means, and a person need not name anything."""
    assert sweep.new_id(None, "request-1") == "request-1"
    assert sweep.new_id("2026-11-24T06:00:00Z", "request-1") == "2026-11-24T06:00:00Z"


def test_the_slowest_call_decides_how_many_keys_a_second() -> None:
    """A fifth of 1,000 GetKeyPolicy, or of 500 ListAliases where a perimeter file may go by aliases."""
    assert sweep.keys_per_second(20, with_aliases=False) == 200
    assert sweep.keys_per_second(20, with_aliases=True) == 100
    assert sweep.rates(20, workers=10)["DescribeKey"] == 40


def messages(*arns: str) -> Iterator[str]:
    """The messages of a sweep of these keys."""
    return (json.dumps(batch) for batch in sweep.sweep_batches("noon", NOON, arns))


def reports(account: Account, body: str) -> list[Report]:
    """What is done about a message."""
    account.calls.clear()
    return list(guard.work(account.guard, body))


def test_a_message_that_comes_again_is_not_judged_again(account: Account) -> None:
    """One call for all keys of the message finds that each was looked at since the sweep began."""
    (body,) = messages(account.key(OPEN), account.key(closed()))
    reports(account, body)
    told = account.kinds()

    again = reports(account, body)

    assert account.calls == ["BatchGetItem"]
    assert [(report.done, report.outcome) for report in again] == [("quiet", "escapes"), ("quiet", "enclosed")]
    assert told == ["remediate"]
    assert account.kinds() == []


def test_a_key_whose_run_died_is_looked_at_again(account: Account) -> None:
    """What was seen but not told is not done."""
    (body,) = messages(account.key(OPEN))
    refuse(account.sns, "Publish", "InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        reports(account, body)
    account.clock.pause(300)  # the claim of the dead run goes stale

    assert [report.done for report in reports(account, body)] == ["remediate"]


def test_keys_that_aws_manages_or_that_are_dying_cost_one_call_each(account: Account) -> None:
    """Only `DescribeKey` can tell; their policies are nobody's business."""
    arns = [account.key() for _ in range(2)]
    for key in arns:
        account.kms.schedule_key_deletion(KeyId=key.rpartition("/")[2])
    (body,) = messages(*arns)

    done = reports(account, body)

    assert [report.reason for report in done] == ["pending-deletion"] * 2
    assert account.calls == ["BatchGetItem", "DescribeKey", "DescribeKey"]


def test_a_key_that_fails_comes_again_alone(account: Account) -> None:
    """The message is done, so the keys that came with it are not looked at again; it has one of its own now."""
    changes = account.sqs.create_queue(QueueName="changes")["QueueUrl"]
    account.guard = with_changes(account, changes)
    arns = [account.key(closed()) for _ in range(3)]
    (body,) = messages(*arns)
    refuse(account.kms, "DescribeKey", "ThrottlingException")

    done = reports(account, body)

    assert [report.done for report in done] == ["ignore", "ignore", "postponed"]
    assert "ThrottlingException" in done[-1].reason
    waiting = Queue(account.sqs, changes).waiting()
    assert (waiting.delayed, waiting.ready) == (1, 0)


def test_a_key_that_fails_comes_again_when_nobody_claims_it(account: Account) -> None:
    """The run that failed may have claimed the work; as long as the claim lasts, the next one would be sent away."""
    account.guard = with_changes(account, account.sqs.create_queue(QueueName="changes")["QueueUrl"])
    arns = [account.key(OPEN), account.key(closed())]
    (body,) = messages(*arns)
    refuse(account.sns, "Publish", "InternalErrorException")
    assert [report.done for report in reports(account, body)] == ["ignore", "postponed"]

    account.clock.pause(RETRY_SECONDS)
    (again,) = messages(arns[0])

    assert [report.done for report in reports(account, again)] == ["remediate"]


def test_a_key_that_is_alone_in_its_message_is_left_to_sqs(account: Account) -> None:
    """SQS counts how often it was delivered, and in the end puts it where an alarm sees it."""
    account.guard = with_changes(account, account.sqs.create_queue(QueueName="changes")["QueueUrl"])
    (body,) = messages(account.key(OPEN))
    refuse(account.kms, "DescribeKey", "ThrottlingException")

    with pytest.raises(ClientError, match="ThrottlingException"):
        reports(account, body)


def with_changes(account: Account, url: str) -> Guard:
    """The guard with a changes queue."""
    return replace(account.guard, changes=Queue(account.sqs, url))
