"""Requests from inside, in the classes of a model: those that come from an approved network, or need not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy.origins import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.policy.boundary import Networks
    from kms_perimeter.policy.model import Model, Variable
    from kms_perimeter.policy.origins import Situation, Value

_TELLING = {
    "vpc_endpoints": ("aws:sourcevpce",),
    "vpcs": ("aws:sourcevpc", "aws:sourcevpcarn"),
    "vpce_accounts": ("aws:vpceaccount",),
    "vpce_org_ids": ("aws:vpceorgid", "aws:vpceorgpaths"),
}
"""By which condition keys a request tells each kind of network."""


def domains(model: Model, situation: Situation, networks: Networks | None, *, certain: bool) -> Iterator[list[int]]:
    """For each way to be inside, the classes that a request can have.

    Args:
        model: the model.
        situation: who, from where, what; its `outside` must be None.
        networks: where the operation may come from; None where it may come from anywhere.
        certain: as of the search.
    """
    possible = model.domains(situation, certain=certain)
    if networks is None:
        yield possible
        return
    if situation.origin is not Origin.ENDPOINT:
        return
    for kind, names in _TELLING.items():
        if approved := getattr(networks, kind):
            narrowed = [_approved(v, mask, names, approved) for v, mask in zip(model.variables, possible, strict=True)]
            if not certain:  # an approved value may be among those that were not thought of
                narrowed = [m or v.unknown & p for m, v, p in zip(narrowed, model.variables, possible, strict=True)]
            if all(narrowed):
                yield narrowed


def _approved(variable: Variable, mask: int, names: tuple[str, ...], approved: frozenset[str]) -> int:
    """The classes in which the keys that are there have an approved value."""
    asked = [name for name in names if name in variable.names]
    if not asked:
        return mask
    fitting = 0
    for bit, context in enumerate(variable.values):
        if all(_is_one(name, context[name], approved) for name in asked):
            fitting |= 1 << bit
    return mask & fitting


def _is_one(name: str, value: Value, approved: frozenset[str]) -> bool:
    if name == "aws:vpceorgpaths":
        return bool(value) and all(path.partition("/")[0] in approved for path in value or ())
    if name == "aws:sourcevpcarn":
        return str(value).rpartition("/")[2] in approved
    return value in approved
