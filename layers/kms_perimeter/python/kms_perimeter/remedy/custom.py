"""A template of the perimeter file, with the values of a key and its perimeter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kms_perimeter.perimeter import placeholders
from kms_perimeter.perimeter.placeholders import Values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.perimeter import Perimeter, Template
    from kms_perimeter.policy.key import Key


def render(template: Template, performed: Iterable[str], perimeter: Perimeter, key: Key) -> dict[str, Any]:
    """The policy. A statement about operations of a rule that the key cannot perform is left out.

    Args:
        template: the template.
        performed: what the key can perform.
        perimeter: the perimeter that names the template.
        key: the key; its account must be known.

    Raises:
        Unfit: the template asks for something that is not known of the key, such as its Region.
    """
    texts = {"account": key.account, "region": key.region, "partition": key.partition, "key_id": key.key_id}
    lists = placeholders.lists_of(perimeter, frozenset(performed))
    policy: dict[str, Any] = placeholders.fill(json.loads(template.text), Values(texts, lists))
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    return policy | {"Statement": [statement for statement in statements if statement.get("Action") != []]}
