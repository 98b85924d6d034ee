"""The end of a sweep, as EventBridge delivers it: count how the keys stand, write the report, tell people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from kms_perimeter import report_clerk, swept, telemetry
from kms_perimeter.sweep import Ended

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], _context: LambdaContext) -> None:
    """The function's entry point; raises if Lambda is to try again."""
    with telemetry.failures(logger, metrics, event["id"]):
        ended = Ended.read(event)
        done = swept.work(report_clerk.clerk(), ended)
    if not done.report:
        logger.info("there are no keys to report on, or it was done before", extra={"sweep": ended.sweep})
        return
    told = {"sweep": ended.sweep, "report": done.report, "keys": done.keys, "open": done.open, "told": done.told}
    logger.info("the sweep is counted and reported on", extra=told)
    metrics.add_metric(name="Reports", unit=MetricUnit.Count, value=1)
