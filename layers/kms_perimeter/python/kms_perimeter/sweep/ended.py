"""The end of a sweep, as an event on the account's default bus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.aws.ledger import Progress

SOURCE = "kms-perimeter"
DETAIL_TYPE = "KMS Perimeter Sweep Finished"


@dataclass(frozen=True, slots=True)
class Ended:
    """A sweep that has ended.

    Attributes:
        sweep: its ID.
        started_at: when it began.
        finished_at: when all its keys had been worked on.
        keys: how many were listed, those among them that the service leaves alone.
    """

    sweep: str
    started_at: datetime
    finished_at: datetime
    keys: int

    @classmethod
    def of(cls, progress: Progress) -> Ended | None:
        """What has ended, or None while the sweep goes on."""
        finished = progress.finished_at
        return cls(progress.sweep, progress.started_at, finished, progress.keys) if finished else None

    def event(self, ledger: str) -> dict[str, Any]:
        """The event as an entry of `PutEvents`; by the ledger, each of several stacks knows its own."""
        detail = {
            "sweep": self.sweep,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat(),
            "keys": self.keys,
            "ledger": ledger,
        }
        return {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Ended:
        """What an event tells that EventBridge delivers; only this stack's rule lets one through."""
        told = event["detail"]
        started, finished = (datetime.fromisoformat(told[name]) for name in ("started_at", "finished_at"))
        return cls(told["sweep"], started, finished, told["keys"])
