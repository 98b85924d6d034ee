"""What must be shown of a new policy before it may be put; each proof that fails is a sentence for a person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kms_perimeter.policy import evaluator
from kms_perimeter.policy.request import Request
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.policy.document import KeyPolicy
    from kms_perimeter.policy.key import Key
    from kms_perimeter.remedy.model import Standpoint
    from kms_perimeter.verdict import Verdict

MOST_BYTES = 32_768
"""*Resource quotas* in the AWS KMS Developer Guide: the size of a key policy document."""
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}\Z")
_EVERY_CALL = {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false", "aws:SecureTransport": "true"}
_PUBLIC = {"aws:SourceIp": "203.0.113.7"}  # some public address of AWS


def failures(text: str, policy: KeyPolicy, verdict: Verdict, key: Key, standpoint: Standpoint | None) -> Iterator[str]:
    """Every proof that fails.

    Args:
        text: the new policy as it would be put.
        policy: the same, read.
        verdict: what is said of it.
        key: the key.
        standpoint: who puts policies and from where, or None where nobody does (the command line).
    """
    if verdict.outcome is not Outcome.ENCLOSED:
        yield f"the new policy would not be enclosed: {verdict.reason or verdict.escapes[0].why}"
    size = len(text.encode())
    if size > MOST_BYTES:
        yield f"the new policy would have {size} bytes, and AWS KMS takes {MOST_BYTES}"
    for principal in _deleted(policy):
        yield f"principal `{principal}` was deleted (only its unique ID is left), and AWS KMS refuses such a policy"
    if any(advisory.code == "lockout-risk" for advisory in verdict.advisories):
        yield "nobody but AWS Support could change the new policy again"
    if standpoint and not may_work(policy, key, standpoint):
        yield f"the guard could not change the new policy again from where it runs ({standpoint})"


def _deleted(policy: KeyPolicy) -> Iterator[str]:
    named = (p.value for s in policy.statements for p in s.principal.principals)
    yield from dict.fromkeys(value for value in named if _UNIQUE_ID.match(value))


def may_work(policy: KeyPolicy, key: Key, standpoint: Standpoint) -> bool:
    """Whether the guard can read and change the policy from where it stands."""
    role = standpoint.role
    account = role.split(":")[4]
    caller = {"aws:PrincipalArn": role, "aws:PrincipalAccount": account, "kms:CallerAccount": account}
    context = _EVERY_CALL | caller | _network(standpoint)
    requests = (Request(role, action, key.arn, context) for action in ("kms:GetKeyPolicy", "kms:PutKeyPolicy"))
    return all(evaluator.evaluate(policy, request, key).decision == evaluator.ALLOWED for request in requests)


def _network(standpoint: Standpoint) -> dict[str, str]:
    if standpoint.vpc and standpoint.vpc_endpoint:
        return {"aws:SourceVpc": standpoint.vpc, "aws:SourceVpce": standpoint.vpc_endpoint}
    return _PUBLIC
