"""What a function says about itself: one line of log and some numbers for each thing that it did.

Never the event, never the environment, never a policy: those are in the ledger, where they are kept under control.
docs/operations/README.md lists the metrics and how to search the lines.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit

from kms_perimeter import sweep
from kms_perimeter.errors import LedgerConflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_lambda_powertools import Logger, Metrics

    from kms_perimeter.evidence import Report


def _utc_now() -> datetime:
    return datetime.now(UTC)


def tell(logger: Logger, metrics: Metrics, report: Report) -> None:
    """Logs a report on one line, and counts it.

    The counts are one for each word, such as ``Quiet``, ``Alert``, ``Remediated``; for what is ignored also one by its
    reason, such as ``Ignored.aws-managed-key``. The durations are those that the report holds.
    """
    line = {"done": report.done, "key": report.key_arn, "cause": report.cause, "verdict": report.outcome}
    logger.info(report.reason, extra={**line, "event": report.event})
    name = report.done.capitalize()
    _count(metrics, name)
    if report.done == "ignored":
        _count(metrics, f"{name}.{report.reason}")
    for duration, seconds in report.durations.items():
        metrics.add_metric(name=duration, unit=MetricUnit.Seconds, value=seconds)


def tell_look(metrics: Metrics, report: Report, now: Callable[[], datetime] = _utc_now) -> None:
    """Counts what a look at a key adds to its report.

    For a swept key one count by what was found, such as ``Swept.escapes``, so that the counts of one sweep are the keys
    of the account by verdict; for a changed one ``SecondsToVerdict``, since the call.
    """
    if report.done in ("ignored", "postponed"):
        return
    if report.event == sweep.SWEEP:
        _count(metrics, f"Swept.{report.outcome or report.done}")
    elif report.at and report.outcome and report.event != sweep.LOOK:
        metrics.add_metric(name="SecondsToVerdict", unit=MetricUnit.Seconds, value=_seconds(report.at, now()))


def tell_fix(metrics: Metrics, report: Report, now: Callable[[], datetime] = _utc_now) -> None:
    """Adds ``SecondsToRemediation``, since the call that opened the key, to the report of a fix."""
    if report.done == "remediated" and report.at and report.event not in sweep.NOBODYS:
        metrics.add_metric(name="SecondsToRemediation", unit=MetricUnit.Seconds, value=_seconds(report.at, now()))


@contextmanager
def failures(logger: Logger, metrics: Metrics, message_id: str) -> Iterator[None]:
    """Logs and counts what keeps a message from being worked on, and lets it pass: the message is delivered again.

    The line has the message's ID, by which `kms-perimeter redrive` finds the reason for a dead letter. Two runs that
    meet at one key are no failure: somebody creates, names and tags a key within a second.
    """
    try:
        yield
    except LedgerConflict:
        logger.info("another run is at the same finding; the message must come again", extra={"message_id": message_id})
        raise
    except Exception:
        logger.exception("the message must come again", extra={"message_id": message_id})
        _count(metrics, "Failed")
        raise


def _count(metrics: Metrics, name: str) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
