"""Where messages leave: each by itself, until there are so many that one message must do for all.

A pipeline that opens a thousand keys must not ring a thousand times. The ledger counts the messages of each window of
time; those above the limit wait in a queue, from which `on_digest` makes one message of many.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kms_perimeter.decision import DecisionKind
from kms_perimeter.message import Notice, notice_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.aws.ledger import Ledger
    from kms_perimeter.aws.queues import Queue
    from kms_perimeter.aws.topic import Topic
    from kms_perimeter.message import Message

WINDOW = timedelta(minutes=5)
LOUD = (DecisionKind.CONTESTED.value,)  # said once for a key, and to be heard


class Outlet:
    """The way out for messages."""

    def __init__(self, topic: Topic, waiting: Queue, ledger: Ledger, most: int, now: Callable[[], datetime]) -> None:
        """As its name says.

        Args:
            topic: where messages go.
            waiting: where notices wait for a digest.
            ledger: counts the messages.
            most: so many messages within `WINDOW` are published each by itself.
            now: the clock.
        """
        self._topic, self._waiting, self._ledger, self._most, self._now = topic, waiting, ledger, most, now

    def publish(self, message: Message, *, to_come: int = 0) -> bool:
        """Publishes a message, or lets it wait for the digest.

        Args:
            message: the message.
            to_come: how many messages are to be counted with it that will follow from what it tells.

        Returns:
            Whether those may be published too; `publish_counted` does so.
        """
        if message.data["kind"] in LOUD:
            self._topic.publish(message)
            return False
        counted = self._ledger.count_alerts(self._window(), 1 + to_come)
        if counted - to_come <= self._most:
            self._topic.publish(message)
        else:
            self.wait(notice_of(message))
        return counted <= self._most

    def publish_counted(self, message: Message) -> None:
        """Publishes a message that was counted with an earlier one."""
        self._topic.publish(message)

    def wait(self, notice: Notice) -> None:
        """Lets a notice wait for the next digest."""
        self._waiting.send_all([notice.to_json()])

    def _window(self) -> datetime:
        seconds = self._now().timestamp() // WINDOW.total_seconds() * WINDOW.total_seconds()
        return datetime.fromtimestamp(seconds, UTC)
