"""What comes in the changes queue and is no usable event: a named reason, counted, and the others are worked on."""

import json
from collections import Counter
from pathlib import Path

import pytest

from local.stage import Stage, about
from local.stage.patience import until

pytestmark = pytest.mark.stack

_EVENTS = Path(__file__).parents[2] / "events"


def ignored(stage: Stage, before: Counter[str], count: int) -> Counter[str]:
    """How often each reason was given since then, when `count` messages in all have been left alone for one.

    The batch may have come in several parts, and each counts at its end, which may be after the alert about a key.
    """

    def look() -> Counter[str] | None:
        counted = stage.journal.metrics() - before
        reasons = {name.removeprefix("Ignored."): n for name, n in counted.items() if name.startswith("Ignored.")}
        return Counter(reasons) if sum(reasons.values()) >= count else None

    return until(look, f"the reasons for {count} messages", stage.journal.tail)


def test_a_garbled_message_does_not_block_its_batch(stage: Stage) -> None:
    """Not JSON, no object, an unreadable record, another service's, a key that is gone; and one open key."""
    key = stage.aws.client("kms", loses_events=True).create_key()["KeyMetadata"]["Arn"]
    sweep = {"id": "a-sweep", "started_at": "2026-05-01T00:00:00+00:00", "keys": [key]}
    odd = ["a_record_with_resources_that_are_no_list", "a_call_to_another_service", "a_key_is_tagged"]
    before = stage.journal.metrics()

    stage.send(
        "{ no JSON", "[]", *((_EVENTS / f"{name}.json").read_text() for name in odd), json.dumps({"sweep": sweep})
    )

    stage.alerts.wait_for(about(key, "remediated"), "the report about the good message")
    assert ignored(stage, before, 5) == {"not-an-event": 2, "unreadable": 1, "not-kms": 1, "key-gone": 1}
    assert stage.failures() == []
