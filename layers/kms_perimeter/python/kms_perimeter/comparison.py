"""Comparing two perimeters: in what one would let more through than the other.

Whoever may tag a key or name it can move it to another perimeter, so a move to a weaker one is worth telling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.perimeter import Mode
from kms_perimeter.policy import operations
from kms_perimeter.verdict import boundary_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.boundary import Boundary, Networks
    from kms_perimeter.policy.key import Key

_MOST_NAMED = 4
_STRICTNESS = (Mode.ALERT, Mode.APPROVE, Mode.ENFORCE)


def weaker(before: Perimeter, after: Perimeter, key: Key) -> tuple[str, ...]:
    """In what `after` is weaker than `before` for this key, a sentence each; empty where it is in nothing."""
    old, new = boundary_of(before), boundary_of(after)
    covered = [op.name for op in operations.possible_on(key) if old.rule_for(op.name)]
    return tuple(
        filter(None, (*_operations(covered, old, new), *_exemptions(old, new), _mode(before.mode, after.mode)))
    )


def _operations(covered: Iterable[str], old: Boundary, new: Boundary) -> Iterator[str]:
    uncovered, opened = [], dict[tuple[str, ...], list[str]]()
    for operation in covered:
        if new.rule_for(operation) is None:
            uncovered.append(operation)
        elif more := _more(old.networks_for(operation), new.networks_for(operation)):
            opened.setdefault(more, []).append(operation)
    if uncovered:
        yield f"No rule covers {_named(uncovered)} any more."
    for networks, bound in opened.items():
        yield f"{_named(bound)} may also come from {_named(networks)}."


def _exemptions(old: Boundary, new: Boundary) -> Iterator[str]:
    if new.services_trusted and not old.services_trusted:
        yield "What AWS services do is trusted now."
    if new.services_trusted and (accounts := new.trusted_accounts - old.trusted_accounts):
        yield f"What AWS services do for principals of {_named(sorted(accounts))} is trusted now."
    if added := set(new.break_glass) - set(old.break_glass):
        yield f"{_named(sorted(added))} may use it from everywhere now."


def _mode(before: Mode, after: Mode) -> str:
    if _STRICTNESS.index(after) >= _STRICTNESS.index(before):
        return ""
    return f"Its mode is {after.value} now and was {before.value}."


def _more(old: Networks, new: Networks) -> tuple[str, ...]:
    kinds = ("vpc_endpoints", "vpcs", "vpce_accounts", "vpce_org_ids")
    return tuple(added for kind in kinds for added in sorted(getattr(new, kind) - getattr(old, kind)))


def _named(words: Iterable[str]) -> str:
    listed = list(words)
    rest = len(listed) - _MOST_NAMED
    return ", ".join(listed[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
