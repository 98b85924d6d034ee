"""Changed and swept keys: judge each, say what was done, report the messages that must come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from kms_perimeter import assembly, guard, telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()
batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def work(record: SQSRecord) -> None:
    """Works on one message; raises if it must come again."""
    with telemetry.failures(logger, metrics, record.message_id):
        for report in guard.work(assembly.guard(), record.body):
            telemetry.tell(logger, metrics, report)
            telemetry.tell_look(metrics, report)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """The function's entry point."""
    return process_partial_response(event=event, record_handler=work, processor=batch, context=context)
