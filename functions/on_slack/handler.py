"""Clicks in Slack, as Slack sends them: let in what Slack has signed, and put it into the queue of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from kms_perimeter import assembly, slack_door, telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """The function's entry point; an error is Slack's to show, and the person may press again."""
    verifier = slack_door.verifier_of(assembly.signing_secret())
    answer, report = slack_door.admit(event, verifier, assembly.answers_queue())
    telemetry.tell(logger, metrics, report)
    return answer
