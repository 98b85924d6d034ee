"""Keys to be fixed, each by one run at a time: fix, say what was done, report the orders that must come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response

from kms_perimeter import assembly, remediation, telemetry
from kms_perimeter.order import Order

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()
batch = SqsFifoPartialProcessor(skip_group_on_error=True)
batch.raise_on_entire_batch_failure = False  # an order that failed is reported; the run itself did not break off


def work(record: SQSRecord) -> None:
    """Works on one order; raises if it must come again."""
    with telemetry.failures(logger, metrics, record.message_id):
        report = remediation.remediate(assembly.guard(), Order.from_json(record.json_body))
        telemetry.tell(logger, metrics, report)
        telemetry.tell_fix(metrics, report)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """The function's entry point."""
    return process_partial_response(event=event, record_handler=work, processor=batch, context=context)
