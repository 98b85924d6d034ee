"""Key policies for the tests of the engine, written with only what matters to each."""

from __future__ import annotations

import json
from typing import Any

from kms_perimeter.perimeter import Perimeter, Rule
from kms_perimeter.policy.key import Key

OURS, PARTNER, STRANGER = "111122223333", "444455556666", "999988887777"
ENDPOINT, FOREIGN = "vpce-0a1b2c3d4e5f60718", "vpce-0f9e8d7c6b5a43210"
KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
PERIMETER = Perimeter("production", (Rule("use", ("kms:Decrypt",), (ENDPOINT,)),))


def allow(principal: Any = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A statement that lets somebody do everything: the account where nobody is named."""
    return {"Effect": "Allow", "Principal": principal or {"AWS": OURS}, "Action": "kms:*", "Resource": "*", **more}


def deny(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A statement that denies everything to everybody."""
    named = {} if "NotPrincipal" in more else {"Principal": "*"}
    return {"Effect": "Deny", **named, "Action": "kms:*", "Resource": "*", **more}


def policy(*statements: dict[str, Any]) -> str:
    """The text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
