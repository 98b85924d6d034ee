"""Policy variables: ``${aws:username}``, ``${aws:PrincipalTag/team, 'none'}`` and the literals ``${*} ${?} ${$}``.

Source: *IAM policy elements: Variables and tags* in the IAM User Guide.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kms_perimeter.policy.record import record

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_REFERENCE = re.compile(r"\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?\Z")


@record
class Text:
    """A part of a value that stands for itself; `wild` where ``*`` and ``?`` in it are wildcards."""

    text: str
    wild: bool


@record
class Reference:
    """A part that a condition key of the request fills in; `default` where the request lacks the key."""

    key: str
    default: str | None


@lru_cache(maxsize=4096)
def parse(value: str) -> tuple[Text | Reference, ...]:
    """The parts of a value. What looks like a variable but names no key is text."""
    parts: list[Text | Reference] = []
    end = 0
    for found in _VARIABLE.finditer(value):
        if found.start() > end:
            parts.append(Text(value[end : found.start()], wild=True))
        parts.append(_part(found))
        end = found.end()
    if end < len(value) or not parts:
        parts.append(Text(value[end:], wild=True))
    return tuple(parts)


def _part(found: re.Match[str]) -> Text | Reference:
    inner = found.group(1)
    if inner in ("*", "?", "$"):
        return Text(inner, wild=False)
    reference = _REFERENCE.match(inner)
    if not reference:
        return Text(found.group(0), wild=True)
    return Reference(reference.group(1).lower(), reference.group(2))


def references(value: str) -> tuple[str, ...]:
    """The condition keys, in lower case, that a value refers to."""
    if "${" not in value:
        return ()
    return tuple(part.key for part in parse(value) if isinstance(part, Reference))
