"""The principals that a key policy names: each must have a form that KMS takes, and exist.

[API reference] PutKeyPolicy: "The principals in the key policy must exist and be visible to KMS." Principals of other
accounts are taken as existing: KMS sees them, this account does not.
"""

import re
from collections.abc import Callable
from typing import Any

from local.aws.kms.policy_grammar import MalformedError, statements_of, values_of

_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):root")
# [IAM guide] Principal: "You cannot use a wildcard to match part of a principal name or ARN." Groups are no principals.
_NAMED = re.compile(
    r"arn:aws[a-z-]*:(?:iam::(?P<account>\d{12}):(?:user|role)/[\w+=,.@/-]+"
    r"|sts::(?P<account_of_session>\d{12}):(?:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+))",
    re.ASCII,
)
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|aws\.internal)")
_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_INVALID = "Policy contains a statement with one or more invalid principals."


def check_principals(policy: dict[str, Any], account: str, exists: Callable[[str], bool]) -> None:
    """Check every principal of a policy.

    Args:
        policy: A policy that keeps the grammar.
        account: The account of the key.
        exists: Whether the key's account has the user or role with this ARN, or the role of this session.

    Raises:
        MalformedError: With AWS's own sentence, which does not say which principal it is about.
    """
    for statement in statements_of(policy):
        named = statement.get("Principal", statement.get("NotPrincipal"))
        if not _is_sound(named, account, exists):
            raise MalformedError(_INVALID)


def _is_sound(named: Any, account: str, exists: Callable[[str], bool]) -> bool:  # noqa: ANN401 - any JSON
    if not isinstance(named, dict):
        return bool(named == "*")
    if not named or not set(named) <= _KINDS:
        return False
    return all(_are_sound(kind, values_of(value), account, exists) for kind, value in named.items())


def _are_sound(kind: str, values: list[Any], account: str, exists: Callable[[str], bool]) -> bool:
    if not values or not all(isinstance(value, str) and value for value in values):
        return False
    match kind:
        case "AWS":
            return all(_is_sound_aws(value, account, exists) for value in values)
        case "Service":
            return all(_SERVICE.fullmatch(value) for value in values)
        case _:
            return True


def _is_sound_aws(value: str, account: str, exists: Callable[[str], bool]) -> bool:
    if value == "*" or _ACCOUNT.fullmatch(value) or _ROOT.fullmatch(value):
        return True
    named = _NAMED.fullmatch(value)
    if named is None:
        return False
    home = named["account"] or named["account_of_session"]
    return home != account or exists(value)
