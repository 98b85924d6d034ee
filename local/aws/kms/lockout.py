"""KMS's lockout safety check, as far as it is documented.

[API reference] "The key policy must allow the calling principal to make a subsequent PutKeyPolicy request on the KMS
key." Not documented: whether conditions are looked at. Here they are not: a conditional `Allow` counts as given, a
conditional `Deny` as absent. IAM policies are not looked at either: where the policy leaves it to the account, the
caller is taken to have what it needs. Resources are not compared: a key policy's resource is its key.
"""

import fnmatch
from typing import Any

from local.aws.caller import Caller
from local.aws.kms.policy_grammar import statements_of, values_of

_ACTION = "kms:putkeypolicy"


def locks_out(policy: dict[str, Any], caller: Caller) -> bool:
    """Whether the caller could not put another policy in this one's place."""
    about_it = [statement for statement in statements_of(policy) if _concerns(statement, caller)]
    denied = any(statement["Effect"] == "Deny" and not statement.get("Condition") for statement in about_it)
    allowed = any(statement["Effect"] == "Allow" for statement in about_it)
    return denied or not allowed


def _concerns(statement: dict[str, Any], caller: Caller) -> bool:
    if not ({"Resource", "NotResource"} & set(statement)):
        return False
    return _covers_action(statement) and _names_caller(statement, caller)


def _covers_action(statement: dict[str, Any]) -> bool:
    if "Action" in statement:
        return _matches_action(statement["Action"])
    return "NotAction" in statement and not _matches_action(statement["NotAction"])


def _matches_action(patterns: Any) -> bool:  # noqa: ANN401 - any JSON
    return any(fnmatch.fnmatchcase(_ACTION, pattern.lower()) for pattern in values_of(patterns))


def _names_caller(statement: dict[str, Any], caller: Caller) -> bool:
    if "Principal" in statement:
        return _is_among(statement["Principal"], caller)
    return not _is_among(statement["NotPrincipal"], caller)


def _is_among(named: Any, caller: Caller) -> bool:  # noqa: ANN401 - any JSON
    if named == "*":
        return True
    return any(_is_caller(value, caller) for value in values_of(named.get("AWS", [])))


def _is_caller(value: str, caller: Caller) -> bool:
    everybody = {"*", caller.account, f"arn:aws:iam::{caller.account}:root"}
    if value in everybody | {caller.arn, caller.session_arn}:
        return True
    is_role = ":role/" in value and value.split(":")[4] == caller.account
    return is_role and value.rsplit("/", 1)[-1] == caller.role_name
