from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from kms_perimeter.aws.pace import Pace, pace
from tests.unit.account import REGION


class Time:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def clock(self) -> float:
        """The time."""
        return self.seconds

    def pause(self, seconds: float) -> None:
        """Lets it pass."""
        self.seconds += seconds


def test_calls_go_through_at_the_rate() -> None:
    """One every twentieth of a second."""
    time = Time()
    turns = Pace(20, time.clock, time.pause, burst=1)

    for _ in range(120):
        turns.wait()

    assert time.seconds - 1000 == pytest.approx(119 / 20)


def test_a_rest_is_worth_a_second_of_calls_and_no_more() -> None:
    """Who has slept for an hour may not make the calls of an hour."""
    time = Time()
    turns = Pace(20, time.clock, time.pause, burst=1)
    turns.wait()
    time.pause(3600)
    rested = time.seconds

    for _ in range(40):
        turns.wait()

    assert time.seconds - rested == pytest.approx(0.95)


def test_less_than_a_call_a_second_is_a_rate_too() -> None:
    """One worker of many may have a small part of a small quota."""
    time = Time()
    turns = Pace(0.5, time.clock, time.pause, burst=1)

    for _ in range(3):
        turns.wait()

    assert time.seconds - 1000 == pytest.approx(4.0)


def test_a_client_waits_before_each_call_of_a_paced_operation() -> None:
    """Other operations are not held up."""
    time = Time()
    with mock_aws():
        kms: Any = boto3.client("kms", REGION)
        pace(kms, {"ListKeys": 10.0}, time.clock, time.pause)

        for _ in range(20):
            kms.list_keys()
            kms.list_aliases()

    assert time.seconds - 1000 == pytest.approx(1.9)


def test_a_further_try_counts_as_a_call() -> None:
    """KMS counts what it refuses too."""
    time = Time()
    with mock_aws():
        kms: Any = boto3.client("kms", REGION, config=Config(retries={"mode": "standard", "total_max_attempts": 3}))
        tries: list[str] = []
        kms.meta.events.register("before-send", lambda request, **_: tries.append(request.url))
        kms.meta.events.register_first("needs-retry.kms.ListKeys", lambda attempts, **_: 0 if attempts < 3 else None)
        pace(kms, {"ListKeys": 1.0}, time.clock, time.pause)

        kms.list_keys()

    assert len(tries) == 3
    assert time.seconds - 1000 == pytest.approx(2.0)
