"""One account and Region of many: have its deployment sweep, or ask how far it is; a state machine does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from kms_perimeter.aws.fleet import Place

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The function's entry point."""
    partition = context.invoked_function_arn.split(":")[1]
    place = Place.from_json(event, partition)
    told = place.sweep(event["sweep"], ask=event.get("ask", False))
    logger.info("asked a deployment to sweep", extra={"account": place.account, "place": place.region, **told})
    return {"account": place.account, "region": place.region, **told}
