"""What the remediation recalls of the look that ordered it, and when it looks for itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kms_perimeter import guard, perimeter
from kms_perimeter.aws.ledger import Settlement
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.order import Order
from kms_perimeter.perimeter import AppliesTo, Mode, PerimeterFile
from kms_perimeter.recollection import A_MOMENT
from kms_perimeter.remediation import remediate
from tests.unit.account import APPROVED, NOON, OPEN, Account, a_change, closed

if TYPE_CHECKING:
    from kms_perimeter.evidence import Guard

PRODUCTION = [{"TagKey": "Environment", "TagValue": "production"}]
USE_FROM_A_VPC = perimeter.simple((), ("vpc-2b2b2b2b",), Mode.ENFORCE).perimeters[0].rules
LOOK = ["DescribeKey", "GetKeyPolicy"]


def ordered(account: Account, arn: str, under: Guard | None = None) -> Order:
    """The order that an event about the key leads to; what that cost is not counted."""
    guard.examine(under or account.guard, a_change(arn))
    (order,) = account.ordered()
    account.told()
    account.calls.clear()
    return Order.from_json(order)


def by_tags() -> PerimeterFile:
    """A perimeter for keys that are tagged as production."""
    (simple,) = perimeter.simple((APPROVED,), (), Mode.ENFORCE).perimeters
    return PerimeterFile((replace(simple, applies_to=AppliesTo(tags=(("Environment", "production"),))),))


def test_what_was_read_a_moment_ago_is_not_read_again(account: Account) -> None:
    """But the policy is, right before it is replaced, and once more after."""
    arn = account.key(Tags=PRODUCTION)
    order = ordered(account, arn, account.under(by_tags()))

    report = remediate(account.under(by_tags()), order)

    assert report.done == "remediated"
    read = [call for call in account.calls if call.startswith(("Describe", "Get", "List", "Put"))]
    assert read == ["ListGrants", "GetKeyPolicy", "PutKeyPolicy", "GetKeyPolicy"]


def test_a_look_is_good_for_a_moment(account: Account) -> None:
    """An order that has waited finds the key as it is now."""
    order = ordered(account, account.key())
    account.clock.pause(A_MOMENT.total_seconds() + 1)

    assert remediate(account.guard, order).done == "remediated"
    assert account.calls[:3] == ["BatchGetItem", *LOOK]


def test_a_look_is_void_once_something_else_is_settled(account: Account) -> None:
    """Somebody has closed the key, say, and that is known."""
    arn = account.key()
    order = ordered(account, arn)
    finding = account.guard.ledger.state(arn).settled
    assert finding
    account.guard.ledger.settle(arn, Settlement(replace(finding, outcome="enclosed"), NOON + timedelta(seconds=1)))
    account.calls.clear()

    remediate(account.guard, order)

    assert account.calls[:3] == ["BatchGetItem", *LOOK]


def test_a_perimeter_file_that_asks_for_more_is_answered(account: Account) -> None:
    """A new version may go by tags, which nobody has read for the old one."""
    arn = account.key(Tags=PRODUCTION)
    order = ordered(account, arn)
    (default,) = perimeter.simple((APPROVED,), (), Mode.ENFORCE).perimeters
    tagged = replace(by_tags().perimeters[0], name="tagged", rules=USE_FROM_A_VPC)

    assert remediate(account.under(PerimeterFile((tagged, default))), order).done == "remediated"
    assert "vpc-2b2b2b2b" in account.policy(arn)


def test_another_policy_is_not_overwritten_by_what_is_recalled(account: Account) -> None:
    """Somebody was quicker: the guard sees it at its last reading, and looks at the key anew."""
    arn = account.key()
    order = ordered(account, arn)
    account.put(arn, closed())

    report = remediate(account.guard, order)

    assert report.done == "quiet"
    assert "PutKeyPolicy" not in account.calls
    assert json.loads(account.policy(arn)) == json.loads(closed())


def test_an_order_for_a_policy_that_no_look_has_found_is_a_hint(account: Account) -> None:
    """Whoever puts an order into the queue makes the guard look, whatever the order says."""
    arn = account.key(closed())

    report = remediate(account.guard, Order(a_change(arn), fingerprint(OPEN)))

    assert report.done == "quiet"
    assert account.calls[:3] == ["BatchGetItem", *LOOK]
    assert "PutKeyPolicy" not in account.calls


def test_a_tag_that_is_moved_in_that_moment_is_followed(account: Account) -> None:
    """The fix goes by the perimeter of a moment ago; the event of the tag makes the guard follow."""
    first, second = by_tags().perimeters[0], perimeter.simple((), ("vpc-2b2b2b2b",), Mode.ENFORCE).perimeters[0]
    watching = account.under(PerimeterFile((first, replace(second, name="rest"))))
    arn = account.key(Tags=PRODUCTION)
    order = ordered(account, arn, watching)
    account.kms.untag_resource(KeyId=arn.rsplit("/", 1)[1], TagKeys=["Environment"])
    assert remediate(watching, order).done == "remediated"

    guard.examine(watching, a_change(arn, "event-2", event_name="UntagResource", time=NOON + timedelta(seconds=1)))
    (again,) = account.ordered()
    remediate(watching, Order.from_json(again))

    assert "vpc-2b2b2b2b" in account.policy(arn)
    assert APPROVED not in account.policy(arn)


@pytest.mark.parametrize(("most", "alone"), [(20, 2), (2, 2), (1, 1), (0, 0)])
def test_the_end_is_told_where_the_beginning_was(account: Account, most: int, alone: int) -> None:
    """Both messages are counted at once; where only one may be published, the other waits for the digest."""
    arn, alerts = account.key(), account.guard.alerts
    alerts._most = most  # noqa: SLF001 - as the deployment sets it

    guard.examine(account.guard, a_change(arn))
    (order,) = account.ordered()
    remediate(account.guard, Order.from_json(order))

    assert account.kinds() == ["remediate", "remediated"][:alone]
    assert [notice["kind"] for notice in account.noticed()] == ["remediate", "remediated"][alone:]
