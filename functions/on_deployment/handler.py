"""A deployment with a perimeter file: tell CloudFormation whether the file is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from kms_perimeter import perimeter
from kms_perimeter.aws import cloudformation
from kms_perimeter.errors import MalformedPerimeter

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
def handle(event: dict[str, Any], _context: LambdaContext) -> None:
    """The function's entry point."""
    problem = None if event["RequestType"] == "Delete" else problem_with(event["ResourceProperties"]["Text"])
    logger.info(problem or "the perimeter file is good")
    cloudformation.answer(event, problem)


def problem_with(text: str) -> str | None:
    """What is wrong with a perimeter file and where, or None."""
    try:
        perimeter.load(text)
    except MalformedPerimeter as error:
        return f"the perimeter file is wrong: {error}"
    return None
