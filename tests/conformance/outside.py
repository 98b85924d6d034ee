"""Whether a request is outside a perimeter, told a second time from the design and not from the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.perimeter import ServiceTrust
from kms_perimeter.policy import operations, wildcard

if TYPE_CHECKING:
    from kms_perimeter.perimeter import Perimeter, Rule
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.request import Request

ENDPOINT_KEYS = ("aws:SourceVpce", "aws:SourceVpc", "aws:VpcSourceIp")


def is_outside(request: Request, perimeter: Perimeter, key: Key, *, covered: bool = True) -> bool:
    """Whether the request comes from none of the approved networks and under no exemption.

    Args:
        request: the request.
        perimeter: the perimeter.
        key: the key that is used.
        covered: whether the networks of the rules for this operation count; else those of every rule, as for the
            making of a grant, which no rule need cover.
    """
    rules = [r for r in perimeter.rules if not covered or request.action in operations.expand(r.operations)]
    if covered and not rules:
        return False
    return not any(_approves(rule, request) for rule in rules) and not _is_exempt(request, perimeter, key)


def _approves(rule: Rule, request: Request) -> bool:
    approved = {
        "aws:SourceVpce": rule.vpc_endpoints,
        "aws:SourceVpc": rule.vpcs,
        "aws:VpceAccount": rule.vpce_accounts,
        "aws:VpceOrgID": rule.vpce_org_ids,
    }
    return any(request.context.get(name) in values for name, values in approved.items())


def _is_exempt(request: Request, perimeter: Perimeter, key: Key) -> bool:
    role = request.context.get("aws:PrincipalArn", request.principal)
    if any(wildcard.matches(pattern, str(role)) for pattern in perimeter.break_glass_principals):
        return True
    return perimeter.aws_services is ServiceTrust.TRUSTED and _is_trusted_service(request, perimeter, key)


def _is_trusted_service(request: Request, perimeter: Perimeter, key: Key) -> bool:
    if not request.principal.startswith("arn:"):
        return True
    account = request.principal.split(":")[4]
    if request.context.get("aws:ViaAWSService") == "true":
        return account in {key.account, *perimeter.trusted_accounts}
    named = (request.principal, request.context.get("aws:PrincipalArn"))
    return any(str(arn).endswith(f"::{key.account}:role/aws:ec2-infrastructure") for arn in named)


def is_possible(request: Request) -> bool:
    """Whether AWS could ever see this request: the keys of its context come from one origin and one caller."""
    context = request.context
    through = [name in context for name in ENDPOINT_KEYS[:2]]
    if any(through) and (not all(through) or "aws:SourceIp" in context or context.get("aws:ViaAWSService") == "true"):
        return False
    if not any(through) and any(name.startswith("aws:Vpc") or name == "aws:SourceVpcArn" for name in context):
        return False
    if context.get("aws:ViaAWSService") != "true" and ("kms:ViaService" in context or "aws:CalledVia" in context):
        return False
    return not request.principal.startswith("arn:") or _is_one_caller(request)


def _is_one_caller(request: Request) -> bool:
    account = request.principal.split(":")[4]
    named = [request.context.get(name, account) for name in ("aws:PrincipalAccount", "kms:CallerAccount")]
    arn = str(request.context.get("aws:PrincipalArn", request.principal))
    return named == [account, account] and arn.split(":")[4] == account
