"""Clicks in Slack, each to be worked on: do it, say so in Slack, report the messages that must come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from kms_perimeter import assembly, slack, slack_answers, telemetry
from kms_perimeter.slack_interaction import Interaction

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()
batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def work(record: SQSRecord) -> None:
    """Works on one click; raises if it must come again."""
    with telemetry.failures(logger, metrics, record.message_id):
        pressed = Interaction.from_json(record.json_body)
        reply = slack_answers.answer(assembly.desk(), assembly.settings(), pressed)
        telemetry.tell(logger, metrics, reply.report(pressed))
        try:
            slack_answers.post(assembly.settings(), pressed, reply)
        except slack.SlackRefuses:  # what was pressed is done all the same
            logger.exception("Slack refuses a reply")
            metrics.add_metric(name="RefusedBySlack", unit=MetricUnit.Count, value=1)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """The function's entry point."""
    return process_partial_response(event=event, record_handler=work, processor=batch, context=context)
