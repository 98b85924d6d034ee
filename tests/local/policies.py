"""Key policies for the tests, with the one thing that matters visible."""

import json
from typing import Any

OURS = "111122223333"
STRANGER = "999988887777"
ROOT = f"arn:aws:iam::{OURS}:root"


def a_statement(**elements: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """A statement that lets the account do everything, with elements changed; None takes one away."""
    usual = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    return {name: value for name, value in {**usual, **elements}.items() if value is not None}


def a_policy(*statements: dict[str, Any], **elements: Any) -> str:  # noqa: ANN401 - any JSON
    """A policy of these statements, or of one usual one."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements) or [a_statement()], **elements})
