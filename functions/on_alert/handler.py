"""Alerts and alarms, as SNS delivers them: post each to Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from kms_perimeter import assembly, slack, telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], _context: LambdaContext) -> None:
    """The function's entry point; raises if Lambda is to try again."""
    for record in event["Records"]:
        with telemetry.failures(logger, metrics, record["Sns"]["MessageId"]):
            tell(slack.payload(record["Sns"]["Message"], assembly.settings().docs_url))


def tell(payload: dict[str, Any]) -> None:
    """Posts one message to Slack; raises if Slack may take it later, be it by another webhook."""
    try:
        slack.post(assembly.webhook(), payload)
        metrics.add_metric(name="Posted", unit=MetricUnit.Count, value=1)
    except slack.WebhookIsGone:  # the message is kept for when there is another one
        metrics.add_metric(name="RefusedBySlack", unit=MetricUnit.Count, value=1)
        raise
    except slack.SlackRefuses:  # the same message would be refused again
        logger.exception("Slack refuses an alert")
        metrics.add_metric(name="RefusedBySlack", unit=MetricUnit.Count, value=1)
