"""The schedule: put every key into the changes queue, and leave a heartbeat that an alarm can miss."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from kms_perimeter import assembly, sweep

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """The function's entry point."""
    started_at = datetime.now(UTC).replace(microsecond=0)
    batches = sweep.sweep_batches(context.aws_request_id, started_at, assembly.keys().all())
    messages = assembly.changes_queue().send_all(batches)
    logger.info("all keys are in the changes queue", extra={"messages": messages})
    metrics.add_metric(name="Sweeps", unit=MetricUnit.Count, value=1)
    return {"messages": messages}
