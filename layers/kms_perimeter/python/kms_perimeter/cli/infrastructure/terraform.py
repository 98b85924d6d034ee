"""Key policies in a Terraform plan: the JSON that ``terraform show -json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kms_perimeter.cli.infrastructure import Found, default_policy, text_of
from kms_perimeter.policy.escape import NOBODYS_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = frozenset({"aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key", "aws_kms_replica_external_key"})
KEY_POLICY = "aws_kms_key_policy"
_AFTER_APPLY = "its policy is known only after apply"


def is_plan(value: object) -> bool:
    """Whether a document is a plan."""
    return isinstance(value, dict) and isinstance(value.get("planned_values"), dict)


def policies(plan: dict[str, Any], account: str | None) -> Iterator[Found]:
    """Each key of a plan, with the policy that it will have."""
    configured = dict(_configured(plan.get("configuration", {}).get("root_module"), ""))
    apart = {_referenced(address, c) for address, c in configured.items() if c.get("type") == KEY_POLICY}
    planned = list(_resources(plan["planned_values"].get("root_module")))
    by_address = {r["address"]: r.get("values") or {} for r in planned}
    for resource in planned:
        address, values = resource["address"], resource.get("values") or {}
        written = configured.get(_without_index(address), {}).get("expressions", {})
        if resource.get("type") in KEYS and _without_index(address) not in apart:
            yield _found(address, values, values, account, has_policy="policy" in written)
        elif resource.get("type") == KEY_POLICY:
            key = by_address.get(_referenced(_without_index(address), configured.get(_without_index(address), {})), {})
            yield _found(address, values, key, account, has_policy=True)


def _found(
    address: str, values: dict[str, Any], key: dict[str, Any], account: str | None, *, has_policy: bool
) -> Found:
    usage = text_of(key, "key_usage")
    spec = text_of(key, "customer_master_key_spec") or text_of(key, "key_spec")
    policy = values.get("policy")
    if isinstance(policy, str):
        return Found(address, policy, usage, spec)
    if has_policy:
        return Found(address, "", usage, spec, (), _AFTER_APPLY)
    return Found(address, default_policy(account or NOBODYS_ACCOUNT), usage, spec)


def _resources(module: object) -> Iterator[dict[str, Any]]:
    """The resources of a module and of the modules in it."""
    if not isinstance(module, dict):
        return
    yield from (r for r in module.get("resources") or () if isinstance(r, dict) and isinstance(r.get("address"), str))
    for child in module.get("child_modules") or ():
        yield from _resources(child)


def _configured(module: object, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is written for each resource, by its address without indexes."""
    if not isinstance(module, dict):
        return
    for resource in module.get("resources") or ():
        yield prefix + resource["address"], resource
    for name, call in (module.get("module_calls") or {}).items():
        yield from _configured(call.get("module"), f"{prefix}module.{name}.")


def _referenced(address: str, policy: dict[str, Any]) -> str:
    """The address of the key that a policy resource is for, or nothing."""
    references = policy.get("expressions", {}).get("key_id", {}).get("references") or ()
    prefix = address[: -len(policy["address"])] if policy.get("address") and address.endswith(policy["address"]) else ""
    named = (".".join(reference.split(".")[:2]) for reference in references)
    return next((prefix + name for name in named if name.split(".")[0] in KEYS), "")


def _without_index(address: str) -> str:
    kept, depth = [], 0
    for letter in address:
        depth += letter == "["
        if not depth:
            kept.append(letter)
        depth -= letter == "]"
    return "".join(kept)
