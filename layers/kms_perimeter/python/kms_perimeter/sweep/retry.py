"""Keys of a sweep that could not be worked on: each comes again in a message of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.sweep.batch import SweepBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kms_perimeter.aws.queues import Queue
    from kms_perimeter.cloudtrail import KeyChange

# Long enough for a throttled account to come to itself, and for the claim of the run that failed to end: it would send
# the next run away, and with it the message.
RETRY_SECONDS = 150


def again(queue: Queue, failed: Sequence[KeyChange]) -> None:
    """Sends each of these keys in a message of its own.

    Then the message that they came in is done, and the keys that came with them are not looked at again. A message
    with a single key is left to SQS, which counts how often it has been delivered and in the end gives it up.
    """
    batches = (SweepBatch(change.event_id, change.time, (change.key_arn,)) for change in failed)
    queue.send_timed((batch.to_json(), RETRY_SECONDS) for batch in batches)
