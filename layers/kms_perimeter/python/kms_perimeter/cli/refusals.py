"""What a command refuses or is refused, in one line."""

from __future__ import annotations

import sys

from kms_perimeter.errors import KmsPerimeterError


def told(error: Exception) -> str | None:
    """The line for an error of ours, of AWS or of its SDK; None for any other, which is a mistake in the program."""
    if isinstance(error, KmsPerimeterError):
        return str(error)
    if "botocore" not in sys.modules:
        return None
    from kms_perimeter.cli import aws_errors  # noqa: PLC0415 - needs the SDK, which is there already

    return aws_errors.told(error)
