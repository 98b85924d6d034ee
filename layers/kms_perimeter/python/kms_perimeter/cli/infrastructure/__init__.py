"""Key policies in infrastructure code: CloudFormation and SAM templates, and Terraform plans in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kms_perimeter.policy.jsontext import Place


@dataclass(frozen=True, slots=True)
class Found:
    """A key policy that was found in a file.

    Attributes:
        resource: the logical ID in a template, or the address in a plan.
        policy: the policy's text; empty where it is not known.
        usage: the key's usage, where the file says it.
        spec: the key's spec, where the file says it.
        places: where the statements stand in the file, as far as they do.
        unknown: why there is no verdict before the deployment, or None.
    """

    resource: str
    policy: str
    usage: str | None = None
    spec: str | None = None
    places: tuple[Place, ...] = ()
    unknown: str | None = None


def default_policy(account: str) -> str:
    """The policy that AWS KMS gives a key whose creator gives none (*Default key policy*)."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


def text_of(value: object, key: str) -> str | None:
    """A member of an object as text, or None."""
    found: Any = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) and "${" not in found else None
