"""The templates of a perimeter file: read, and tried with every perimeter that names them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from kms_perimeter import reading
from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.perimeter import placeholders
from kms_perimeter.perimeter.model import Strategy, Template
from kms_perimeter.perimeter.placeholders import START, Unfit, Values
from kms_perimeter.policy import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kms_perimeter.perimeter.model import Perimeter
    from kms_perimeter.reading import Place

_IN_ACTION = re.compile(r".*\.Statement(\[\d+\])?\.Action(\[\d+\])?")
_TRIED = {"account": "111122223333", "region": "us-east-1", "partition": "aws", "key_id": "1234abcd"}
"""A key to try a template with."""


def read(name: str, place: Place) -> Template:
    """A template by itself: every placeholder is one, and stands where it can."""
    place.mapping()
    for text in _texts(place):
        for named in _names(text):
            if named not in placeholders.TEXTS and not placeholders.is_list(named):
                _refuse_unknown(text, named)
            if named.startswith("operations:") and not _IN_ACTION.fullmatch(text.path):
                text.refuse(f"`{START}{named}}}` can stand in `Action` only")
    return Template(name, json.dumps(place.value))


def check_named(place: Place, perimeters: Iterable[Perimeter]) -> None:
    """Try a template with the perimeters that name it; it must be a key policy under each of them.

    Args:
        place: the template.
        perimeters: those that name it.
    """
    for perimeter in perimeters:
        lists = placeholders.lists_of(perimeter)
        for text in _texts(place):
            for name in filter(placeholders.is_list, _names(text)):
                if name not in lists:
                    text.refuse(f"`{START}{name}}}` stands for nothing in the perimeter `{perimeter.name}`")
        filled = placeholders.fill(place.value, Values(_TRIED, lists))
        try:
            document.parse(json.dumps(filled))
        except MalformedPolicy as error:
            _nearest(place, error.path or "").refuse(f"is no key policy: {error.message}")


def choose(place: Place, templates: Mapping[str, Template], strategy: Strategy) -> Template:
    """The template that a perimeter names, which must be one and of use."""
    name = place.text()
    if name not in templates:
        place.refuse(f"no template is called {reading.shown(name)}{reading.suggestion(name, templates)}")
    if strategy is not Strategy.TEMPLATE:
        place.refuse(f"is of no use: the strategy is `{strategy.value}`, not `{Strategy.TEMPLATE.value}`")
    return templates[name]


def _names(text: Place) -> list[str]:
    try:
        return placeholders.names(text.value)
    except Unfit as error:
        text.refuse(error.message)


def _refuse_unknown(text: Place, name: str) -> NoReturn:
    known = [*placeholders.TEXTS, *placeholders.OF_PERIMETER, *placeholders.OF_RULE]
    close = reading.suggestion(name.partition(":")[0], known)
    text.refuse(f"`{START}{name}}}` is no placeholder{close}")


def _texts(place: Place) -> Iterator[Place]:
    """Every string, with its place; names of members take no placeholder."""
    if isinstance(place.value, dict):
        for name, member in place.mapping().items():
            if START in name:
                member.refuse("a placeholder cannot stand in the name of a member")
            yield from _texts(member)
    elif isinstance(place.value, list):
        for item in place.items():
            yield from _texts(item)
    elif isinstance(place.value, str):
        yield place


def _nearest(place: Place, path: str) -> Place:
    """The place of a path of the filled policy in the template, or the nearest around it: lists may have grown."""
    for step in re.findall(r"\[(\d+)\]|([^.\[]+)", path):
        inner = _step(place, *step)
        if inner is None:
            break
        place = inner
    return place


def _step(place: Place, index: str, name: str) -> Place | None:
    value: Any = place.value
    if index and isinstance(value, list) and int(index) < len(value):
        return place.items()[int(index)]
    return place.mapping().get(name) if name and isinstance(value, dict) else None
