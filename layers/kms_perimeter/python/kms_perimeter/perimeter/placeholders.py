"""Placeholders in the templates of a perimeter file, and what takes their place.

``${kms-perimeter:account}`` is a text and may stand within one. ``${kms-perimeter:vpcs:use}`` is a list: it stands
alone in its string, and its values take the string's place in the list around it, or become the list that is not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy import operations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.perimeter.model import Perimeter, Rule

_PLACEHOLDER = re.compile(r"\$\{kms-perimeter:([^}]*)\}")
START = "${kms-perimeter:"
TEXTS = ("account", "region", "partition", "key_id")
"""What a text can be of: the key."""
OF_PERIMETER = ("trusted_accounts", "break_glass_principals")
"""Lists of the perimeter."""
OF_RULE = ("vpc_endpoints", "vpcs", "vpce_accounts", "vpce_org_ids", "operations")
"""Lists of a rule, whose name follows after a colon."""


class Unfit(Exception):
    """A placeholder that nothing can take the place of.

    Attributes:
        message: why, without a place.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Values:
    """What takes the place of placeholders, by what stands after the first colon."""

    texts: Mapping[str, str | None]
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def lists_of(perimeter: Perimeter, performed: frozenset[str] | None = None) -> dict[str, tuple[str, ...]]:
    """Every list that a template can name under this perimeter; an empty one is not among them, but for operations.

    Args:
        perimeter: the perimeter.
        performed: the operations that the key can perform, for only those of a rule to be named; None for all.
    """
    found = {name: getattr(perimeter, name) for name in OF_PERIMETER}
    for rule in perimeter.rules:
        found |= {f"{kind}:{rule.name}": getattr(rule, kind) for kind in OF_RULE if kind != "operations"}
    found = {name: values for name, values in found.items() if values}
    return found | {f"operations:{rule.name}": _operations(rule, performed) for rule in perimeter.rules}


def _operations(rule: Rule, performed: frozenset[str] | None) -> tuple[str, ...]:
    covered = operations.expand(rule.operations)
    return tuple(sorted(covered if performed is None else covered & performed))


def names(text: str) -> list[str]:
    """What the placeholders of a text name.

    Raises:
        Unfit: a list does not stand alone.
    """
    found = _PLACEHOLDER.findall(text)
    if text.count(START) != len(found):
        raise Unfit(f"a placeholder that starts with `{START}` does not end")
    for name in found:
        if is_list(name) and text != f"{START}{name}}}":
            raise Unfit(f"`{START}{name}}}` is a list, which must stand alone in its string")
    return found


def is_list(name: str) -> bool:
    """Whether what is named is a list."""
    return name in OF_PERIMETER or name.partition(":")[0] in OF_RULE


def fill(value: Any, values: Values) -> Any:  # noqa: ANN401 - JSON
    """The value with every placeholder filled in.

    Raises:
        Unfit: something that is named is not known.
    """
    if isinstance(value, dict):
        return {name: fill(member, values) for name, member in value.items()}
    if isinstance(value, list):
        return [one for item in value for one in _items(item, values)]
    if not isinstance(value, str):
        return value
    named = names(value)
    if len(named) == 1 and is_list(named[0]):
        listed = _listed(named[0], values)
        return listed[0] if len(listed) == 1 else listed
    return _PLACEHOLDER.sub(lambda found: _text(found[1], values), value)


def _items(item: Any, values: Values) -> list[Any]:  # noqa: ANN401 - JSON
    if isinstance(item, str) and any(map(is_list, names(item))):
        return _listed(names(item)[0], values)
    return [fill(item, values)]


def _listed(name: str, values: Values) -> list[str]:
    if name not in values.lists:
        raise Unfit(f"`{START}{name}}}` stands for nothing here")
    return list(values.lists[name])


def _text(name: str, values: Values) -> str:
    if value := values.texts.get(name):
        return value
    raise Unfit(f"`{START}{name}}}` is not known of the key")
