import json
from datetime import UTC, datetime

from kms_perimeter import sweep
from kms_perimeter.order import Order
from tests.unit.account import NOON, OPEN, OURS, a_change

KEY = f"arn:aws:kms:us-east-1:{OURS}:key/1"


def test_an_order_survives_the_queue() -> None:
    """What was sent is what is read, but for the policy of the event, which is read again from the key."""
    order = Order(a_change(KEY, policy=OPEN, vpc_endpoint_id="vpce-1"), "a1", "Alice")

    read = Order.from_json(json.loads(json.dumps(order.to_json())))

    assert read == Order(a_change(KEY, policy=None, vpc_endpoint_id="vpce-1"), "a1", "Alice")
    assert OPEN not in json.dumps(order.to_json())


def test_the_mark_tells_orders_apart() -> None:
    """The same event about the same policy orders once; another event, policy or approval orders again."""
    order = Order(a_change(KEY), "a1")

    others = [Order(a_change(KEY, "event-2"), "a1"), Order(a_change(KEY), "b2"), Order(a_change(KEY), "a1", "Alice")]

    assert order.once == Order(a_change(KEY, policy=OPEN), "a1").once
    assert len({order.once, *(other.once for other in others)}) == 4


def test_one_sweep_orders_for_every_key_that_it_finds() -> None:
    """Keys with the same policy, the default one for example, are not taken for one another."""
    marks = {Order(a_change(f"{KEY}{number}", "sweep-1"), "a1").once for number in range(3)}

    assert len(marks) == 3


def test_a_sweep_survives_the_queue() -> None:
    """Each key of a sweep comes out as a change without a policy, by the sweep."""
    arns = [f"arn:aws:kms:us-east-1:{OURS}:key/{number}" for number in range(23)]

    messages = [json.loads(json.dumps(batch)) for batch in sweep.sweep_batches("sweep-1", NOON, arns)]
    changes = [change for message in messages for change in sweep.read(message) or ()]

    assert [len(message["sweep"]["keys"]) for message in messages] == [10, 10, 3]
    assert [change.key_arn for change in changes] == arns
    assert {(change.event_id, change.event_name, change.time, change.policy) for change in changes} == {
        ("sweep-1", sweep.SWEEP, datetime(2026, 11, 24, 12, tzinfo=UTC), None)
    }


def test_an_event_is_no_sweep() -> None:
    """Events and sweeps share a queue."""
    assert sweep.read({"source": "aws.kms", "detail": {}}) is None
