"""How many AWS calls an event costs, by kind. Calls do not vary with the machine, so this is a test and no benchmark.

The table says what each kind costs now, call by call, and beside it the fewest that it could cost: a change that makes
an event dearer must say so here, and one that makes it cheaper shows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from kms_perimeter import guard, perimeter, remediation
from kms_perimeter.order import Order
from kms_perimeter.perimeter import Mode
from tests.unit.account import APPROVED, Account, a_change, closed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK = ["DescribeKey", "GetKeyPolicy"]
OBSERVE = ["UpdateItem"]
CLAIM = PLAN = SETTLE = COUNT = "UpdateItem"
WRITE = "PutItem"  # an entry of the ledger
PUT = ["GetKeyPolicy", "PutKeyPolicy", "GetKeyPolicy"]  # once more before it, so that no other's change is lost

FIRST_ALERT_IN_A_WHILE = [COUNT, COUNT]
"""The first alert in five minutes opens a new window: one call that is refused, one that does it."""

COSTS: dict[str, tuple[list[str], int]] = {
    "an event about nothing of ours": ([], 0),
    "a key of another account": ([], 0),
    "a key that AWS manages": (["DescribeKey"], 1),
    "an enclosed key, known": ([*LOOK, *OBSERVE], 3),
    "an enclosed key, seen first": ([*LOOK, *OBSERVE, WRITE, SETTLE], 3),
    "an enclosed key, under a perimeter that goes by tags and aliases": (
        ["DescribeKey", "ListResourceTags", "ListAliases", "GetKeyPolicy", *OBSERVE],
        5,
    ),
    "an open key that was told": ([*LOOK, *OBSERVE], 3),
    "an open key, told": (
        [*LOOK, *OBSERVE, CLAIM, *FIRST_ALERT_IN_A_WHILE, "Publish", WRITE, SETTLE],
        5,
    ),
    "an open key, ordered to be fixed": (
        [*LOOK, *OBSERVE, CLAIM, *FIRST_ALERT_IN_A_WHILE, "Publish", "SendMessage", WRITE, SETTLE],
        4,
    ),
    "an ordered key, fixed": (
        [*LOOK, "GetItem", "ListGrants", WRITE, PLAN, *PUT, COUNT, "Publish", SETTLE, WRITE],
        5,
    ),
    "the guard's own change, come round": ([*LOOK, *OBSERVE], 3),
}
"""By kind of event: the calls that it costs now, and how many are aimed at.

For a key that is opened and fixed these are nine: "ordered to be fixed" and "fixed" together.
"""


@pytest.fixture
def account() -> Iterator[Account]:
    """A guarded account in memory."""
    with mock_aws():
        yield Account.make()


def a_foreign_event(account: Account) -> None:
    """A message that is none of KMS's."""
    list(guard.work(account.guard, json.dumps({"source": "aws.s3", "detail": {"eventSource": "s3.amazonaws.com"}})))


def a_strangers_key(account: Account) -> None:
    """A call of this account on a key of another."""
    guard.examine(account.guard, a_change("arn:aws:kms:us-east-1:999988887777:key/1"))


def a_managed_key(account: Account) -> None:
    """A service has made its key."""
    arn = account.key()
    account.kms.meta.events.register_last("after-call.kms.DescribeKey", _managed)
    guard.examine(account.guard, a_change(arn))


def _managed(parsed: dict[str, Any], **_: object) -> None:
    parsed["KeyMetadata"]["KeyManager"] = "AWS"


def an_enclosed_key(account: Account) -> None:
    """An enclosed key is changed to another enclosed policy, or has just been made."""
    guard.examine(account.guard, a_change(account.key(closed())))


def an_enclosed_key_again(account: Account) -> None:
    """An enclosed key is looked at once more."""
    arn = account.key(closed())
    guard.examine(account.guard, a_change(arn))
    account.calls.clear()
    guard.examine(account.guard, a_change(arn, "event-2"))


def an_enclosed_key_by_tags(account: Account) -> None:
    """The same, where a perimeter must know the key's tags and aliases."""
    use = {"name": "use", "operations": ["cryptographic"], "vpc_endpoints": [APPROVED]}
    tagged = {"name": "tagged", "applies_to": {"tags": {"a": "b"}, "aliases": ["alias/a"]}, "rules": [use]}
    file = {"version": 1, "perimeters": [tagged, {"name": "default", "rules": [use]}]}
    arn, under = account.key(closed()), account.under(perimeter.load(json.dumps(file)))
    guard.examine(under, a_change(arn))
    account.calls.clear()
    guard.examine(under, a_change(arn, "event-2"))


def an_open_key_that_is_told(account: Account) -> None:
    """In the mode alert."""
    guard.examine(account.in_mode(Mode.ALERT), a_change(account.key()))


def an_open_key_that_was_told(account: Account) -> None:
    """A sweep finds it as it was."""
    arn = account.key()
    guard.examine(account.in_mode(Mode.ALERT), a_change(arn))
    account.calls.clear()
    guard.examine(account.in_mode(Mode.ALERT), a_change(arn, "event-2"))


def an_open_key_that_is_ordered(account: Account) -> None:
    """In the mode enforce, the first function."""
    guard.examine(account.guard, a_change(account.key()))


def an_ordered_key(account: Account) -> None:
    """In the mode enforce, the second function."""
    guard.examine(account.guard, a_change(account.key()))
    (order,) = account.ordered()
    account.calls.clear()
    remediation.remediate(account.guard, Order.from_json(order))


def the_guards_own_change(account: Account) -> None:
    """The event of the guard's PutKeyPolicy."""
    arn = account.key()
    guard.examine(account.guard, a_change(arn))
    (order,) = account.ordered()
    remediation.remediate(account.guard, Order.from_json(order))
    account.calls.clear()
    guard.examine(account.guard, a_change(arn, "event-2", policy=None))


EVENTS: dict[str, Callable[[Account], None]] = {
    "an event about nothing of ours": a_foreign_event,
    "a key of another account": a_strangers_key,
    "a key that AWS manages": a_managed_key,
    "an enclosed key, known": an_enclosed_key_again,
    "an enclosed key, seen first": an_enclosed_key,
    "an enclosed key, under a perimeter that goes by tags and aliases": an_enclosed_key_by_tags,
    "an open key that was told": an_open_key_that_was_told,
    "an open key, told": an_open_key_that_is_told,
    "an open key, ordered to be fixed": an_open_key_that_is_ordered,
    "an ordered key, fixed": an_ordered_key,
    "the guard's own change, come round": the_guards_own_change,
}


@pytest.mark.parametrize("kind", COSTS)
def test_an_event_costs_what_the_table_says(kind: str, account: Account) -> None:
    """Call by call, in order."""
    EVENTS[kind](account)

    assert account.calls == COSTS[kind][0]


def test_the_table_never_aims_at_more_than_there_is() -> None:
    """And a kind of event that has reached its aim keeps it."""
    assert [kind for kind, (calls, aim) in COSTS.items() if len(calls) < aim] == []
    assert set(COSTS) == set(EVENTS)
