"""Some keys of a sweep, as they travel in the changes queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.queues import batches
from kms_perimeter.cloudtrail import KeyChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# In place of the name of a KMS operation: the cause is no call that anybody made, or it is not known which.
SWEEP, LOOK = "Sweep", "Look"
NOBODYS = (SWEEP, LOOK)

# The function takes ten messages at once: a hundred keys, some seconds' work, well within its timeout however slow KMS
# is; and a change that an event tells of never waits long behind a sweep's keys.
KEYS_PER_MESSAGE = 10


@dataclass(frozen=True, slots=True)
class SweepBatch:
    """Some of the keys of one sweep.

    Attributes:
        sweep: ID of the sweep.
        started_at: when the sweep began; a key that was looked at since then is done.
        keys: ARNs.
    """

    sweep: str
    started_at: datetime
    keys: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The batch as it travels in the changes queue, where CloudTrail's events travel too."""
        return {"sweep": {"id": self.sweep, "started_at": self.started_at.isoformat(), "keys": list(self.keys)}}


def sweep_batches(sweep: str, started_at: datetime, key_arns: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The messages of a sweep, made while the keys are still being listed."""
    for keys in batches(key_arns, KEYS_PER_MESSAGE):
        yield SweepBatch(sweep, started_at, keys).to_json()


def read(message: Mapping[str, Any]) -> tuple[KeyChange, ...] | None:
    """The keys of a sweep's message as changes, or None for a message that is no sweep's.

    A swept key takes the same path as a changed one: the sweep is the cause, and nobody's policy comes with it.
    """
    if not isinstance(message.get("sweep"), dict):
        return None
    sweep = message["sweep"]
    started_at = datetime.fromisoformat(sweep["started_at"])
    return tuple(_change(sweep["id"], started_at, key_arn) for key_arn in sweep["keys"])


def _change(sweep: str, started_at: datetime, key_arn: str) -> KeyChange:
    _, _, _, region, account, _ = key_arn.split(":", 5)
    return KeyChange(
        event_id=sweep,
        event_name=SWEEP,
        time=started_at,
        key_arn=key_arn,
        account=account,
        region=region,
        actor="the sweep",
        source_ip=None,
        vpc_endpoint_id=None,
        policy=None,
        truncated=False,
    )
