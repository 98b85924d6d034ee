"""Approved policies of the shape of the two examples in AWS's documentation, with the account's own values.

Source: *Using VPC endpoints with AWS KMS* in the AWS KMS Developer Guide. The first example restricts the use of a key
to an endpoint by a `Deny`; the second allows administration from one VPC, use from another, and reads from everywhere.
Unlike in the examples, AWS services that the perimeter trusts have a way through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kms_perimeter.policy.operations import GROUPS, NOT_ALLOWED_BY_KEY_POLICY
from kms_perimeter.remedy import guard_statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.policy.boundary import Boundary, Covered, Networks
    from kms_perimeter.policy.key import Key

_VERSION = "2012-10-17"
_READS = GROUPS["read"] | {"kms:ListGrants"}
_GIVING = ("kms:CreateGrant", "kms:RevokeGrant")
"""What the second example counts to administration, and a perimeter to a group of its own."""


def render(operations: list[str], boundary: Boundary, key: Key) -> dict[str, Any]:
    """The approved policy: the second example's shape where a rule covers administration, else the first's.

    Args:
        operations: what the key can perform.
        boundary: the perimeter.
        key: the key; its account must be known.
    """
    covered = [op for op in operations if boundary.rule_for(op)]
    administered = any(op in GROUPS["administrative"] for op in covered)
    statements = _by_allow(operations, boundary, str(key.account)) if administered else _by_deny(covered, boundary, key)
    return {"Version": _VERSION, "Id": "kms-perimeter-approved", "Statement": statements}


def _by_deny(covered: list[str], boundary: Boundary, key: Key) -> list[dict[str, Any]]:
    enable = _allow("Enable IAM policies", str(key.account), ["kms:*"], None)
    return [enable, *guard_statement.guards(covered, boundary, key, strangers=False)]


def _by_allow(operations: list[str], boundary: Boundary, owner: str) -> list[dict[str, Any]]:
    allowable = [op for op in operations if op not in NOT_ALLOWED_BY_KEY_POLICY]
    free = [op for op in allowable if not boundary.rule_for(op)]
    statements = []
    for rule in boundary.rules:
        bound = [op for op in allowable if op in rule.operations]
        if any(op in GROUPS["administrative"] for op in bound):
            bound += [op for op in free if op in _GIVING]
        statements += _rule(rule, sorted(bound), boundary, owner) if bound else []
    statements += _everywhere(free, owner)
    if boundary.break_glass:
        named = {"ArnLike": {"aws:PrincipalArn": list(boundary.break_glass)}}
        statements.append(_allow("Allow break-glass principals", owner, ["kms:*"], named))
    return statements


def _rule(rule: Covered, bound: list[str], boundary: Boundary, owner: str) -> list[dict[str, Any]]:
    made = [
        _allow(f"Allow {rule.name} from approved {what}", owner, bound, {"StringEquals": {key: values}})
        for what, key, values in _kinds(rule.networks)
    ]
    if boundary.services_trusted:
        through = {"Bool": {"aws:ViaAWSService": "true"}}
        made.append(_allow(f"Allow {rule.name} through AWS services", owner, bound, through))
    return made


def _everywhere(free: list[str], owner: str) -> Iterable[dict[str, Any]]:
    """What no rule covers."""
    if reads := sorted(op for op in free if op in _READS):
        yield _allow("Allow reads from everywhere", owner, reads, None)
    if others := sorted(op for op in free if op not in _READS and op not in _GIVING):
        yield _allow("Allow what no rule covers from everywhere", owner, others, None)


def _kinds(networks: Networks) -> Iterable[tuple[str, str, list[str]]]:
    for what, key, values in (
        ("endpoints", "aws:SourceVpce", networks.vpc_endpoints),
        ("VPCs", "aws:SourceVpc", networks.vpcs),
        ("endpoint owners", "aws:VpceAccount", networks.vpce_accounts),
        ("organisations", "aws:VpceOrgID", networks.vpce_org_ids),
    ):
        if values:
            yield what, key, sorted(values)


def _allow(sid: str, owner: str, actions: list[str], condition: dict[str, Any] | None) -> dict[str, Any]:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": owner},
        "Action": actions,
        "Resource": "*",
    }
    return statement | ({"Condition": condition} if condition else {})
