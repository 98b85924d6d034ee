"""What the tests of remedies are about: a key, a perimeter, and policies as texts of statements."""

from __future__ import annotations

import json
from typing import Any

from kms_perimeter import remedy
from kms_perimeter.perimeter import Perimeter, Rule
from kms_perimeter.policy.key import Key

OURS = "111122223333"
PARTNER = "444455556666"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"
OTHER_ENDPOINT = "vpce-0bbbbbbbbbbbbbbbb"
VPC = "vpc-0a1b2c3d4e5f60718"
KEY = Key(account=OURS, region="us-east-1", key_id="1234abcd-12ab-34cd-56ef-1234567890ab")
USE = Rule("use", ("cryptographic",), (ENDPOINT,))
ADMINISTRATION = Rule("administration", ("administrative",), (), (VPC,))
PERIMETER = Perimeter("default", (USE,))
BOTH = Perimeter("default", (USE, ADMINISTRATION))
GUARD = remedy.Standpoint(f"arn:aws:iam::{OURS}:role/guard")
GUARD_IN_VPC = remedy.Standpoint(GUARD.role, VPC, OTHER_ENDPOINT)


def a_policy(*statements: str | dict[str, Any], **members: str) -> str:
    """The text of a policy with these statements, those that are texts as they are."""
    texts = [s if isinstance(s, str) else json.dumps(s) for s in statements]
    head = json.dumps({"Version": "2012-10-17"} | members)[1:-1]
    return f'{{{head},\n "Statement": [' + ",\n  ".join(texts) + "]}"


def allow(principal: Any = OURS, action: Any = "kms:*", **members: Any) -> dict[str, Any]:  # noqa: ANN401
    """An `Allow` for an AWS principal, or for everybody."""
    who = "*" if principal == "*" else principal if isinstance(principal, dict) else {"AWS": principal}
    return {"Effect": "Allow", "Principal": who, "Action": action, "Resource": "*"} | members


def deny(action: Any = "kms:*", **members: Any) -> dict[str, Any]:  # noqa: ANN401
    """A `Deny` for everybody."""
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"} | members


def statements(plan: remedy.Plan) -> list[dict[str, Any]]:
    """The statements of the new policy."""
    found = json.loads(plan.policy)["Statement"]
    return found if isinstance(found, list) else [found]


def sids(plan: remedy.Plan) -> list[str]:
    """Their Sids; those without one left out."""
    return [statement["Sid"] for statement in statements(plan) if "Sid" in statement]


def failed(plan: remedy.Plan) -> list[str]:
    """The codes of the proofs that do not hold."""
    return [proof.code.value for proof in plan.proofs if not proof.holds]


def said(plan: remedy.Plan, code: str) -> str:
    """The sentence of a proof."""
    return next(proof.sentence for proof in plan.proofs if proof.code == code)
