"""Key policies in Terraform plans, as `terraform show -json` prints them; states, which look alike, are taken too.

Source: *JSON Output Format* of Terraform; the documentation of the AWS provider's `aws_kms_key`, `aws_kms_key_policy`,
`aws_kms_external_key`, `aws_kms_replica_key` and `aws_kms_replica_external_key`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from kms_perimeter.cli.infrastructure.found import ACCOUNT, Deployment, Found, Reading
from kms_perimeter.cli.infrastructure.template import default_policy
from kms_perimeter.cloudtrail import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kms_perimeter.policy.key import Key

KEYS = ("aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key", "aws_kms_replica_external_key")
ATTACHED = "aws_kms_key_policy"
_ARN = re.compile(r"arn:([a-z0-9-]+):kms:([a-z0-9-]+):([0-9]{12}):key/(.+)\Z")
_INSTANCE = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')
LATER = "the policy is known only after `terraform apply`"
ELSEWHERE = (
    "the key has no policy of its own, and the plan does not tell to which key each `aws_kms_key_policy` belongs"
)


def is_plan(value: object) -> bool:
    """Whether a document is a plan or a state of Terraform."""
    return isinstance(value, dict) and "format_version" in value and ("planned_values" in value or "values" in value)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the parts of a plan say of its resources.

    Attributes:
        values: the known values of each resource, by its address.
        kinds: the type of each.
        written: what the code writes for each, by its address without instances.
        keys_of: the address (without instances) of the key of each attached policy, or None where it is not told.
    """

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    written: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys_of: dict[str, str | None] = field(default_factory=dict)


def find(document: dict[str, Any], given: Key, specs: Mapping[str, str]) -> list[Found]:
    """The key policies of a plan, in its order.

    Args:
        document: the plan.
        given: what the options say of the key, for what the plan leaves open.
        specs: the usual spec of each usage.
    """
    plan = _read(document)
    return [
        Found(address, None, partial(_reading, plan, address, given, specs))
        for address, kind in plan.kinds.items()
        if kind == ATTACHED or _has_own_policy(plan, address)
    ]


def _read(document: dict[str, Any]) -> _Plan:
    plan = _Plan()
    values = document.get("planned_values") or document.get("values") or {}
    for resource in _resources(values.get("root_module")):
        if resource.get("mode", "managed") == "managed" and resource.get("type") in (*KEYS, ATTACHED):
            plan.values[resource["address"]] = resource.get("values") or {}
            plan.kinds[resource["address"]] = resource["type"]
    plan.written.update(_written((document.get("configuration") or {}).get("root_module"), ""))
    plan.keys_of.update({a: _key_of(plan, a) for a, kind in plan.kinds.items() if kind == ATTACHED})
    return plan


def _resources(module: object) -> Iterator[dict[str, Any]]:
    """The resources of a module and of the modules in it."""
    if isinstance(module, dict):
        yield from (
            r for r in module.get("resources") or () if isinstance(r, dict) and isinstance(r.get("address"), str)
        )
        for child in module.get("child_modules") or ():
            yield from _resources(child)


def _written(module: object, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the code writes for each resource of a module and of the modules in it, by address."""
    if not isinstance(module, dict):
        return
    for resource in _resources({"resources": module.get("resources")}):
        yield f"{prefix}{resource['address']}", resource.get("expressions") or {}
    for name, call in (module.get("module_calls") or {}).items():
        yield from _written(call.get("module"), f"{prefix}module.{name}.")


def _key_of(plan: _Plan, address: str) -> str | None:
    """The key that a policy is attached to: by the reference in the code, or by an ID that is known already."""
    plain = _INSTANCE.sub("", address)
    prefix = plain.removesuffix(plain[plain.rfind(f"{ATTACHED}.") :])
    references = (plan.written.get(plain, {}).get("key_id") or {}).get("references", ())
    keys = {_INSTANCE.sub("", known) for known, kind in plan.kinds.items() if kind in KEYS}
    for reference in references:
        parts = _INSTANCE.sub("", f"{prefix}{reference}").split(".")
        found = next((".".join(parts[:n]) for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in keys), None)
        if found:
            return found
    key_id = plan.values[address].get("key_id")
    return next(
        (_INSTANCE.sub("", a) for a, v in plan.values.items() if a != address and key_id and _is(v, key_id)), None
    )


def _is(values: dict[str, Any], key_id: str) -> bool:
    return key_id in (values.get("key_id"), values.get("arn"), values.get("id"))


def _has_own_policy(plan: _Plan, address: str) -> bool:
    """Whether the key is not one whose policy comes from an `aws_kms_key_policy`."""
    plain = _INSTANCE.sub("", address)
    return _writes_policy(plan, plain) or plain not in plan.keys_of.values()


def _writes_policy(plan: _Plan, plain: str) -> bool:
    policy = plan.written.get(plain, {}).get("policy")
    return policy is not None and policy.get("constant_value", "") is not None


def _reading(plan: _Plan, address: str, given: Key, specs: Mapping[str, str], deployment: Deployment) -> Reading:
    values = plan.values[address]
    key = _key(plan, address, given, specs)
    if isinstance(policy := values.get("policy"), str) and policy:
        return Reading(key, policy)
    plain = _INSTANCE.sub("", address)
    if plan.kinds[address] == ATTACHED or _writes_policy(plan, plain) or plain not in plan.written:
        return Reading(key, "", fault=LATER)
    if None in plan.keys_of.values():
        return Reading(key, "", fault=ELSEWHERE)
    account = key.account or deployment.account
    text = json.dumps(default_policy(account, partition_of(key.region or "")))
    return Reading(replace(key, account=account), text, used=frozenset() if key.account else frozenset({ACCOUNT}))


def _key(plan: _Plan, address: str, given: Key, specs: Mapping[str, str]) -> Key:
    """What is known of the key: by its own resource, by its ARN once it exists, or else by the options."""
    owner = plan.keys_of.get(address)
    values = next((v for a, v in plan.values.items() if owner and _INSTANCE.sub("", a) == owner), plan.values[address])
    usage = values.get("key_usage") or given.usage
    usual = given.spec if usage == given.usage else specs.get(usage, given.spec)
    spec = values.get("customer_master_key_spec") or values.get("key_spec") or usual
    key = replace(given, usage=usage, spec=spec)
    if found := _ARN.match(str(values.get("arn"))):
        partition, region, account, key_id = found.groups()
        return replace(key, partition=partition, region=region, account=account, key_id=key_id)
    return key
