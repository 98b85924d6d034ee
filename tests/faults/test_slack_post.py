"""Whatever becomes of a post to Slack: people are told by mail all the same, and in Slack in the end.

The receiver is a real one on loopback, so that time-outs and broken connections are those of the operating system.
"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faults.faults import Fault
from tests.faults.injection import ProcessKilledError
from tests.faults.scenarios import OPENED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.slack import Webhook
    from tests.faults.world import World

ALWAYS = 99
POST = "Slack post"


@dataclass(frozen=True)
class Trouble:
    """What becomes of posts.

    Attributes:
        fault: the column of the matrix.
        begin: makes it so.
        how: how it heals.
        reason: what the log says.
        twice: whether a message comes twice.
        row: the row of the matrix.
    """

    fault: Fault
    begin: Callable[[Webhook], object]
    how: str
    reason: str
    twice: bool = False
    row: str = POST


TROUBLES = (
    Trouble(Fault.THROTTLED_ONCE, lambda slack: slack.limit_rate(1, 30), "retry", "SlackIsBusy: Slack answers 429"),
    Trouble(Fault.THROTTLED, lambda slack: slack.limit_rate(ALWAYS), "redrive", "SlackIsBusy: Slack answers 429"),
    Trouble(Fault.DENIED, lambda slack: slack.fail(ALWAYS, 403, "invalid_token"), "redrive", "403: invalid_token"),
    Trouble(Fault.LOST_ANSWER, lambda slack: slack.fall_silent(1, taken=True), "retry", "no answer", twice=True),
    Trouble(Fault.LOST_REQUEST, lambda slack: slack.hang_up(), "redrive", "SlackIsBusy: no answer from Slack"),
    Trouble(Fault.SERVER_ERROR, lambda slack: slack.fail(ALWAYS), "redrive", "SlackIsBusy: Slack answers 500"),
    Trouble(Fault.GONE, lambda slack: slack.fail(ALWAYS, 404, "no_service"), "redrive", "404: no_service"),
    Trouble(
        Fault.LOST_REQUEST,
        lambda slack: slack.fall_silent(1, taken=False),
        "retry",
        "SlackIsBusy: no answer",
        row=f"{POST}, once",
    ),
    Trouble(Fault.SERVER_ERROR, lambda slack: slack.fail(1, 503), "retry", "answers 503", row=f"{POST}, once"),
    Trouble(
        Fault.GONE,
        lambda slack: slack.fail(ALWAYS, 410, "channel_is_archived"),
        "redrive",
        "410: channel_is_archived",
        row=f"{POST}, channel",
    ),
)


def has_told_all(world: World, *, twice: bool) -> bool:
    """Whether people were told by mail, and in Slack: each once, but for one that came twice and is the same."""
    posted = Counter(message["text"] for message in world.slack.messages)
    told = Counter(alert["text"] for alert in world.told)
    return set(posted) == set(told) and sorted(posted.values()) == ([1, 2] if twice else [1, 1])


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda t: f"{t.row}, {t.fault.value}")
def test_an_alert_reaches_slack_in_the_end(trouble: Trouble, record_cell: Callable[[str, str, str], None]) -> None:
    """Lambda tries again, and what Slack never took waits for a person, with the reason in the log."""
    with OPENED.open() as world:
        trouble.begin(world.slack)

        how = OPENED.heal(world)

        record_cell(trouble.row, trouble.fault.value, how)
        assert how == trouble.how
        assert has_told_all(world, twice=trouble.twice)
        assert any(trouble.reason in line for line in world.log)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_revoked_webhook_keeps_nobody_from_knowing(status: int) -> None:
    """The alert goes by mail at once; for Slack it waits among the dead letters until there is another webhook."""
    with OPENED.open() as world:
        world.slack.fail(ALWAYS, status)

        world.run()

        assert world.kinds == ["remediate", "remediated"]
        assert (world.slack.messages, world.dead) == ([], 2)


def test_a_new_webhook_is_used_without_a_restart() -> None:
    """Who revokes a webhook puts the URL of another one into the secret; the functions go on running."""
    with OPENED.open() as world:
        world.aws("secretsmanager").put_secret_value(
            SecretId=world.resources.secret, SecretString=f"{world.slack.url}/revoked"
        )
        world.run()
        assert world.dead == 2

        world.aws("secretsmanager").put_secret_value(SecretId=world.resources.secret, SecretString=world.slack.url)
        world.redrive()

        assert has_told_all(world, twice=False)


def test_a_process_may_die_right_after_a_post(record_cell: Callable[[str, str, str], None]) -> None:
    """Slack has the message and Lambda does not know: it calls again, and the message comes twice."""
    with OPENED.open() as world, killed_after(world.slack, 1):
        how = OPENED.heal(world)

        record_cell(POST, Fault.KILLED.value, how)
        assert how == "retry"
        assert has_told_all(world, twice=True)
        assert any("on_alert: ProcessKilledError" in line for line in world.log)


@contextmanager
def killed_after(slack: Webhook, count: int) -> Iterator[None]:
    """The process that waits for an answer to this post gets a signal instead, which ends what it does."""

    def die(*_: object) -> None:
        raise ProcessKilledError("by a signal")

    def kill() -> None:
        slack.wait_for(count)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, die)
    slack.fall_silent(1, taken=True)
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        killer.join()
        signal.signal(signal.SIGUSR1, before)
