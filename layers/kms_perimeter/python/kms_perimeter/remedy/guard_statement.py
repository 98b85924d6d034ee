"""The guard statement: a `Deny` for everything outside the perimeter, and for nothing else.

The shape is that of AWS's own network-perimeter policies: the network conditions are joined with a way through for AWS
services and for break-glass principals, so that the statement is true of a request only if each of them fails.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from kms_perimeter.policy.boundary import Boundary, Networks
    from kms_perimeter.policy.key import Key

SID = "KmsPerimeterGuard"
"""What the Sid of each of our statements starts with: by it they are found again."""


_OUR_SID = re.compile(rf"{SID}([A-Z0-9][A-Za-z0-9]*)?")
# What `aws:PrincipalArn` says where a service acts for itself is not documented, so it might pass for break-glass.
_SERVICES = {"Bool": {"aws:PrincipalIsAWSService": "true"}}
_EVERYBODY = ("*", {"AWS": "*"}, {"AWS": ["*"]})


def is_ours(statement: dict[str, Any]) -> bool:
    """Whether we put this statement in, even if somebody has edited its operations or its conditions since.

    One about some principals only, or about something else than the key, is not taken for ours whatever its Sid: it
    stays, and ours gets another Sid.
    """
    return (
        statement.get("Effect") == "Deny"
        and _OUR_SID.fullmatch(str(statement.get("Sid", ""))) is not None
        and statement.get("Principal") in _EVERYBODY
        and statement.get("Resource") in ("*", ["*"])
        and "NotAction" not in statement
    )


def guards(
    operations: Iterable[str],
    boundary: Boundary,
    key: Key,
    *,
    strangers: bool,
    taken: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The guard statements for some operations: one for each set of networks that the perimeter has for them.

    Args:
        operations: the operations to bind, each covered by a rule.
        boundary: the perimeter.
        key: the key; its account must be known.
        strangers: whether to shut out the use through AWS services by principals of other accounts as well, or AWS
            services themselves where the perimeter trusts none; needed only where some `Allow` lets them in.
        taken: Sids of other statements: a Sid is unique within a policy.
    """
    groups: dict[tuple[str, Networks], list[str]] = {}
    for operation in operations:
        if rule := boundary.rule_for(operation):
            groups.setdefault((rule.name, rule.networks), []).append(operation)
    made: list[dict[str, Any]] = []
    for (name, networks), bound in groups.items():
        sid = SID + "".join(part.capitalize() for part in re.findall("[A-Za-z0-9]+", name))
        made.append(_deny(_unique(sid, taken, made), bound, _outside(networks, boundary, key)))
        if strangers and boundary.services_trusted:
            made.append(_deny(_unique(f"{sid}Strangers", taken, made), bound, _strangers(boundary, key)))
        elif strangers and boundary.break_glass:
            made.append(_deny(_unique(f"{sid}Services", taken, made), bound, _SERVICES))
    return made


def _unique(sid: str, taken: Collection[str], made: list[dict[str, Any]]) -> str:
    used = {*taken, *(statement["Sid"] for statement in made)}
    number = 2
    wanted = sid
    while wanted in used:
        wanted, number = f"{sid}{number}", number + 1
    return wanted


def _deny(sid: str, operations: list[str], condition: dict[str, Any]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": operations,
        "Resource": "*",
        "Condition": condition,
    }


def _outside(networks: Networks, boundary: Boundary, key: Key) -> dict[str, Any]:
    unapproved = {
        "aws:SourceVpce": networks.vpc_endpoints,
        "aws:SourceVpc": networks.vpcs,
        "aws:VpceAccount": networks.vpce_accounts,
        "aws:VpceOrgID": networks.vpce_org_ids,
    }
    condition: dict[str, Any] = {
        "StringNotEqualsIfExists": {key: _one_or_many(values) for key, values in unapproved.items() if values}
    }
    if boundary.services_trusted:
        condition["BoolIfExists"] = {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"}
    exempt = [*(_ebs_roles(boundary, key) if boundary.services_trusted else ()), *boundary.break_glass]
    if exempt:
        condition["ArnNotLikeIfExists"] = {"aws:PrincipalArn": _one_or_many(exempt)}
    return condition


def _ebs_roles(boundary: Boundary, key: Key) -> list[str]:
    """Amazon EBS calls KMS as this role, and no condition key says that it is an AWS service."""
    accounts = [key.account, *sorted(boundary.trusted_accounts)]
    return [f"arn:{key.partition}:iam::{account}:role/aws:ec2-infrastructure" for account in accounts]


def _strangers(boundary: Boundary, key: Key) -> dict[str, Any]:
    condition: dict[str, Any] = {
        "Bool": {"aws:ViaAWSService": "true"},
        "StringNotEquals": {
            "aws:PrincipalAccount": _one_or_many([str(key.account), *sorted(boundary.trusted_accounts)])
        },
    }
    if boundary.break_glass:
        condition["ArnNotLikeIfExists"] = {"aws:PrincipalArn": _one_or_many(boundary.break_glass)}
    return condition


def _one_or_many(values: Iterable[str]) -> str | list[str]:
    listed = sorted(values) if isinstance(values, frozenset) else list(values)
    return listed[0] if len(listed) == 1 else listed
