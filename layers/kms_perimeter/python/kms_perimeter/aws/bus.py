"""The account's default event bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.queues import batches
from kms_perimeter.errors import KmsPerimeterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_events import EventBridgeClient

ENTRIES_PER_CALL = 5  # PutEvents takes ten, and 256 KB in all: these are at most some 40 KB each


class NotAllWerePut(KmsPerimeterError):
    """EventBridge took some events and refused others; which and why, says the message."""


class Bus:
    """The default bus: rules on it say where events go from there."""

    def __init__(self, client: EventBridgeClient) -> None:
        self._client = client

    def put_all(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Puts events, each an entry of `PutEvents`.

        Raises:
            NotAllWerePut: EventBridge refused some. Putting all of them again does no harm.
        """
        for few in batches(entries, ENTRIES_PER_CALL):
            answer = self._client.put_events(Entries=list(few))  # type: ignore[arg-type]
            if answer["FailedEntryCount"]:
                failed = [one for one in answer["Entries"] if "ErrorCode" in one]
                raise NotAllWerePut(f"{len(failed)} of {len(few)} events: {failed[0]['ErrorCode']}")
