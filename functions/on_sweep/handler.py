"""The schedule's queue: put every key into the changes queue, and leave a heartbeat that an alarm can miss."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from kms_perimeter import assembly, sweep

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from kms_perimeter.sweep import Step

logger, metrics = Logger(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The function's entry point: for a message of the queue, one at a time, or for whoever wants a sweep at once."""
    asked = json.loads(event["Records"][0]["body"]) if "Records" in event else event
    name = sweep.new_id(asked.get("sweep"), context.aws_request_id)
    if asked.get("ask"):
        return answer(name, sweep.asked(assembly.lister(), name))
    step = sweep.step(assembly.lister(), name, lambda: timedelta(milliseconds=context.get_remaining_time_in_millis()))
    report(step)
    tell(step)
    return answer(name, step)


def answer(name: str, step: Step) -> dict[str, Any]:
    """What whoever has invoked the function is told."""
    finished = step.progress.finished_at is not None
    return {"sweep": name, "keys": step.progress.keys, "messages": step.messages, "finished": finished}


def report(step: Step) -> None:
    """Has a sweep reported on that has ended; likewise by a run that finds it ended: the one before may have died."""
    ended = sweep.Ended.of(step.progress)
    if ended and assembly.settings().reports_bucket:
        assembly.bus().put_all([ended.event(assembly.settings().ledger_table)])


def tell(step: Step) -> None:
    """Logs what this run has done, and counts a sweep that has come to its last key, or to its end."""
    progress = step.progress
    where = {"sweep": progress.sweep, "keys": progress.keys, "messages": step.messages}
    if step.listed:
        logger.info("all keys are in the changes queue", extra=where)
        metrics.add_metric(name="Sweeps", unit=MetricUnit.Count, value=1)
    elif step.finished and progress.finished_at:
        seconds = (progress.finished_at - progress.started_at).total_seconds()
        logger.info("all keys have been worked on", extra={**where, "seconds": seconds})
        metrics.add_metric(name="SweptKeys", unit=MetricUnit.Count, value=progress.keys)
        metrics.add_metric(name="SweepDuration", unit=MetricUnit.Seconds, value=seconds)
    else:
        logger.info("the sweep goes on later", extra=where)
