"""What a function says about itself: one line of log and one count for each thing that it did.

Never the event, never the environment, never a policy: those are in the ledger, where they are kept under control.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit

from kms_perimeter.errors import LedgerConflict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools import Logger, Metrics

    from kms_perimeter.evidence import Report


def tell(logger: Logger, metrics: Metrics, report: Report) -> None:
    """Logs a report and counts it.

    The metrics are ``Ignored`` and, by reason, ``Ignored.aws-managed-key`` and so on; else one for each word, such as
    ``Quiet``, ``Alert``, ``Remediated``.
    """
    logger.info(
        report.reason,
        extra={"done": report.done, "key": report.key_arn, "cause": report.cause, "verdict": report.outcome},
    )
    name = report.done.capitalize()
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    if report.done == "ignored":
        metrics.add_metric(name=f"{name}.{report.reason}", unit=MetricUnit.Count, value=1)


@contextmanager
def failures(logger: Logger, metrics: Metrics) -> Iterator[None]:
    """Logs and counts what keeps a message from being worked on, and lets it pass: SQS delivers the message again.

    Two runs that meet at one key are no failure: somebody creates, names and tags a key within a second.
    """
    try:
        yield
    except LedgerConflict:
        logger.info("another run is at the same finding; the message must come again")
        raise
    except Exception:
        logger.exception("the message must come again")
        metrics.add_metric(name="Failed", unit=MetricUnit.Count, value=1)
        raise
