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
    from kms_perimeter.verdict import Verdict

MOST_BYTES = 32_768
"""*Resource quotas* in the AWS KMS Developer Guide: the size of a key policy document."""
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}\Z")
# From where a function outside every VPC calls: some public address of AWS.
_PUBLIC = {"aws:SourceIp": "203.0.113.7", "aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false",
           "aws:SecureTransport": "true"}  # fmt: skip


def failures(text: str, policy: KeyPolicy, verdict: Verdict, key: Key, guard_role: str | None) -> Iterator[str]:
    """Every proof that fails.

    Args:
        text: the new policy as it would be put.
        policy: the same, read.
        verdict: what is said of it.
        key: the key.
        guard_role: ARN of the role that puts policies, or None where nobody does (the command line).
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
    if guard_role and not may_work(policy, key, guard_role):
        yield "the guard could not change the new policy again from where it runs (outside every VPC)"


def _deleted(policy: KeyPolicy) -> Iterator[str]:
    named = (p.value for s in policy.statements for p in s.principal.principals)
    yield from dict.fromkeys(value for value in named if _UNIQUE_ID.match(value))


def may_work(policy: KeyPolicy, key: Key, guard_role: str) -> bool:
    """Whether the guard's role can read and change the policy from a function outside every VPC."""
    account = guard_role.split(":")[4]
    context = _PUBLIC | {
        "aws:PrincipalArn": guard_role,
        "aws:PrincipalAccount": account,
        "kms:CallerAccount": account,
    }
    requests = (Request(guard_role, action, key.arn, context) for action in ("kms:GetKeyPolicy", "kms:PutKeyPolicy"))
    return all(evaluator.evaluate(policy, request, key).decision == evaluator.ALLOWED for request in requests)
