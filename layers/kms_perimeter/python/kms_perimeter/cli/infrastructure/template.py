"""Key policies in CloudFormation and SAM templates.

Source: *AWS::KMS::Key* and *AWS::KMS::ReplicaKey* in the CloudFormation Template Reference.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from kms_perimeter.cli.infrastructure import unknown
from kms_perimeter.cli.infrastructure.found import ACCOUNT, REGION, Deployment, Found, Reading
from kms_perimeter.cli.infrastructure.intrinsics import NO_VALUE, Resolver
from kms_perimeter.policy.key import DEFAULT_USAGE, Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.cli.infrastructure.located import Located

KEYS = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")
LOOP = "Fn::ForEach::"


def default_policy(account: str, partition: str) -> dict[str, Any]:
    """The policy that KMS gives a key made without one.

    Source: *Default key policy* in the AWS KMS Developer Guide.
    """
    return {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def is_template(value: object) -> bool:
    """Whether a document is a CloudFormation or SAM template."""
    return isinstance(value, dict) and isinstance(value.get("Resources"), dict) and "Statement" not in value


def find(document: Located, given: Key, specs: Mapping[str, str]) -> list[Found]:
    """The key policies of a template, in its order.

    Args:
        document: the template.
        given: what the options say of the key: of a replica, whose usage is its primary's, the template says nothing.
        specs: the usual spec of each usage.
    """
    found = []
    for logical_id, resource in document.value["Resources"].items():
        path = f"Resources.{logical_id}"
        if isinstance(resource, dict) and resource.get("Type") in KEYS:
            found.append(_found(document, logical_id, given, specs))
        elif logical_id.startswith(LOOP) and any(f'"{kind}"' in json.dumps(resource) for kind in KEYS):
            found.append(Found(logical_id, document.place(path), partial(_in_a_loop, given)))
    return found


def _in_a_loop(given: Key, _: Deployment) -> Reading:
    return Reading(given, "", fault="the key is made by `Fn::ForEach`, which is resolved at deployment")


def _found(document: Located, logical_id: str, given: Key, specs: Mapping[str, str]) -> Found:
    path = f"Resources.{logical_id}"
    resource = document.value["Resources"][logical_id]
    properties = resource.get("Properties") or {}
    place = document.place(f"{path}.Properties.KeyPolicy") or document.place(path)

    def read(deployment: Deployment) -> Reading:
        if not isinstance(properties, dict) or any(name.startswith("Fn::") for name in (*properties, *resource)):
            return Reading(given, "", fault="its properties are known only at deployment")
        resolver = Resolver(document.value, deployment)
        reading = _read_policy(
            document, resolver, properties.get("KeyPolicy", NO_VALUE), f"{path}.Properties.KeyPolicy"
        )
        return _with_key(reading, resolver, resource["Type"], properties, given, specs)

    return Found(logical_id, place, read)


def _read_policy(document: Located, resolver: Resolver, given: Any, path: str) -> Reading:  # noqa: ANN401 - JSON
    policy = resolver.resolve(given, path)
    if policy is NO_VALUE or policy is None:
        policy = default_policy(resolver.account(), resolver.partition)
        return Reading(Key(), json.dumps(policy), unsettled=resolver.unsettled)
    places = {out: document.places[origin] for out, origin in resolver.origins.items() if origin in document.places}
    if isinstance(policy, str) and not unknown.is_unknown(policy):
        return Reading(Key(), policy, {"": places[""]} if "" in places else {}, unsettled=resolver.unsettled)
    return Reading(Key(), json.dumps(policy, ensure_ascii=False), places, unsettled=resolver.unsettled)


def _with_key(
    reading: Reading,
    resolver: Resolver,
    kind: str,
    properties: dict[str, Any],
    given: Key,
    specs: Mapping[str, str],
) -> Reading:
    usage = given.usage if kind == "AWS::KMS::ReplicaKey" else _told(resolver, properties, "KeyUsage") or DEFAULT_USAGE
    spec = given.spec if kind == "AWS::KMS::ReplicaKey" else _told(resolver, properties, "KeySpec")
    for name, value in (("KeyUsage", usage), ("KeySpec", spec)):
        if unknown.is_unknown(value):
            return replace(reading, fault=f"`{name}` is known only at deployment: {unknown.told(str(value))}")
    if usage not in specs:
        return replace(reading, fault=f"`{usage}` is no key usage that is known here")
    key = Key(
        account=resolver.account() if ACCOUNT in resolver.used else given.account,
        region=resolver.region() if REGION in resolver.used else given.region,
        usage=usage,
        spec=spec or specs[usage],
        partition=resolver.partition,
    )
    return replace(reading, key=key, used=frozenset(resolver.used), unsettled=reading.unsettled or resolver.unsettled)


def _told(resolver: Resolver, properties: dict[str, Any], name: str) -> str | None:
    value = resolver.resolve(properties.get(name), "")
    return value if isinstance(value, str) else None
