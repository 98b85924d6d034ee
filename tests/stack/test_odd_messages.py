"""What comes in the changes queue and is no usable event: a named reason, counted, and the others are worked on."""

import json
from collections import Counter
from pathlib import Path

import pytest

from local.stage import Stage, about

pytestmark = pytest.mark.stack

_EVENTS = Path(__file__).parents[2] / "events"


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
    counted = stage.journal.metrics() - before
    reasons = Counter({name.removeprefix("Ignored."): n for name, n in counted.items() if name.startswith("Ignored.")})
    assert reasons == {"not-an-event": 2, "unreadable": 1, "not-kms": 1, "key-gone": 1}
    assert stage.failures() == []
