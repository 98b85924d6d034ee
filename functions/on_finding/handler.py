"""Alerts, as SNS delivers them: put each on the event bus as a finding, and into Security Hub where it is asked for."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from kms_perimeter import assembly, finding, telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger, metrics = Logger(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], _context: LambdaContext) -> None:
    """The function's entry point; raises if Lambda is to try again."""
    for record in event["Records"]:
        with telemetry.failures(logger, metrics, record["Sns"]["MessageId"]):
            told_at = datetime.fromisoformat(record["Sns"]["Timestamp"])
            report(finding.findings_of(json.loads(record["Sns"]["Message"]), told_at))


def report(findings: tuple[finding.Finding, ...]) -> None:
    """Puts findings where they are asked for."""
    assembly.bus().put_all(finding.event(one) for one in findings)
    if assembly.settings().security_hub:
        assembly.security_hub().import_all(finding.asff(one) for one in findings)
    for one in findings:
        logger.info("a finding is reported", extra={"key": one.key_arn, "verdict": one.verdict, "closed": one.closed})
    metrics.add_metric(name="Findings", unit=MetricUnit.Count, value=len(findings))
