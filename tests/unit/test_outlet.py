"""Alert storms: many alerts become few messages, and none is lost."""

import json
from dataclasses import replace
from datetime import timedelta

from kms_perimeter import guard, message
from kms_perimeter.message import Notice
from kms_perimeter.outlet import WINDOW
from kms_perimeter.perimeter import Mode
from tests.unit.account import NOON, OPEN, SETTINGS, Account, a_change


def test_a_thousand_keys_opened_at_once_are_a_few_messages(account: Account) -> None:
    """Twenty alerts by themselves, and the rest as notices that make one digest naming each key."""
    keys = [account.key(OPEN) for _ in range(60)]
    watching = account.in_mode(Mode.ALERT)

    for number, arn in enumerate(keys):
        guard.examine(watching, a_change(arn, f"event-{number}"))

    waiting = [Notice.from_json(notice) for notice in account.noticed()]
    alone = [alert["key"] for alert in account.told()]
    digest = message.digest(waiting)
    assert len(alone) == SETTINGS.most_alerts
    assert {*alone, *digest.data["keys"]} == set(keys)
    assert digest.subject == "KMS Perimeter: HIGH: 40 more alerts in one"


def test_a_digest_of_ten_thousand_keys_fits_what_carries_it(account: Account) -> None:
    """However many there are, SNS takes the message and Slack takes its blocks."""
    keys = [f"arn:aws:kms:us-east-1:123456789012:key/{number:032x}" for number in range(10_000)]
    notices = [Notice("alert", "high", key, "escapes", f"{key} can be used", key) for key in keys]

    account.guard.alerts._topic.publish(message.digest(notices))  # noqa: SLF001 - as `on_digest` does

    (told,) = account.told()
    assert told["kind"] == "digest"
    assert len(json.dumps(told)) < 256_000


def test_the_next_window_begins_to_count_anew(account: Account) -> None:
    """After five minutes alerts are told by themselves again."""
    watching = account.in_mode(Mode.ALERT)
    for number in range(SETTINGS.most_alerts + 1):
        guard.examine(watching, a_change(account.key(OPEN), f"event-{number}"))
    assert len(account.noticed()) == 1

    account.clock.time = NOON + WINDOW
    guard.examine(watching, a_change(account.key(OPEN), "event-x"))

    assert account.noticed() == []


def test_a_contested_key_is_loud_in_a_storm(account: Account) -> None:
    """That the guard gives up on a key is never put off."""
    watching = account.in_mode(Mode.ALERT)
    for number in range(SETTINGS.most_alerts):
        guard.examine(watching, a_change(account.key(OPEN), f"event-{number}"))
    account.told()
    arn = account.key(OPEN)
    account.guard.ledger.remediated(arn, (NOON - timedelta(minutes=1),) * 3)

    guard.examine(account.guard, a_change(arn, "event-x"))

    assert (account.kinds(), account.noticed()) == (["contested"], [])


def test_the_same_notice_twice_counts_once() -> None:
    """The queue delivers at least once."""
    notice = Notice("alert", "high", "arn:aws:kms:us-east-1:123456789012:key/1", "escapes", "open", "mark")

    once, twice = message.digest([notice]), message.digest([notice, replace(notice)])

    assert once == twice
