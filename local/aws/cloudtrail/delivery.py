"""The way of a CloudTrail record to the rules that wait for it.

AWS takes seconds and promises only best effort. Here each record arrives at once, in the order of the calls, once, and
after the call was answered.
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.aws import emulator

_log = logging.getLogger("local.cloudtrail")


class Delivery:
    """Puts records on the default bus of the account and Region that they are about."""

    def __init__(self) -> None:
        """Start with nothing on the way."""
        # One thread, so that two records never overtake each other.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cloudtrail")

    def deliver(self, account: str, record: dict[str, Any]) -> None:
        """Send one record on its way and return at once."""
        self._thread.submit(_publish, emulator.Scope(account, record["awsRegion"]), record)


def _publish(scope: emulator.Scope, record: dict[str, Any]) -> None:
    try:
        emulator.publish(scope, as_entry(record))
    except Exception:  # noqa: BLE001 - whatever a rule's target does, the next record must still be delivered
        _log.exception("could not deliver %s", record["eventName"])


def as_entry(record: dict[str, Any]) -> dict[str, Any]:
    """The EventBridge event that carries a record ([EventBridge guide] AWS service events delivered via CloudTrail)."""
    return {
        "Source": "aws.kms",
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": json.dumps(record),
        "Resources": [],
    }
