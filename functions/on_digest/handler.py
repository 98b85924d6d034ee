"""Notices that have gathered while there was too much to say: make one message of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from kms_perimeter import assembly, message, telemetry
from kms_perimeter.message import Notice

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], _context: LambdaContext) -> None:
    """The function's entry point; if it raises, all notices of the batch come again."""
    with telemetry.failures(logger, metrics, event["Records"][0]["messageId"]):
        waiting = [Notice.from_json(json.loads(record["body"])) for record in event["Records"]]
        assembly.topic().publish(message.digest(waiting, assembly.settings().docs_url))
    logger.info("a digest is told", extra={"notices": len(waiting)})
    metrics.add_metric(name="Digests", unit=MetricUnit.Count, value=1)
