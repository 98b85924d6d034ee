"""Places in a JSON text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kms_perimeter.policy import jsontext
from kms_perimeter.policy.jsontext import Place

names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=4)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def paths(value: Any, path: str = "") -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
    """Every value of a document by its path, told from the value and not from the text."""
    found = {path: value}
    if isinstance(value, dict):
        for name, member in value.items():
            found |= paths(member, f"{path}.{name}" if path else name)
    if isinstance(value, list):
        for place, member in enumerate(value):
            found |= paths(member, f"{path}[{place}]")
    return found


@settings(derandomize=True, deadline=None)
@given(documents, st.sampled_from([None, 1, "\t"]))
def test_every_value_starts_where_it_is_said_to(document: Any, indent: int | str | None) -> None:  # noqa: ANN401
    """Reading on from the offset of a path gives the value at that path, however the text is laid out."""
    text = json.dumps(document, indent=indent)

    decoder = json.JSONDecoder()

    assert {p: decoder.raw_decode(text, at)[0] for p, at in jsontext.offsets(text).items()} == paths(document)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("a", Place(2, 8)),
        ("a[1]", Place(2, 12)),
        ("a[7]", Place(2, 8)),
        ("b.c.d", Place(3, 14)),
        ("b.nothing.at.all", Place(3, 8)),
        ("nothing", Place(1, 1)),
        ("", Place(1, 1)),
    ],
)
def test_a_path_that_is_not_there_has_the_place_around_it(path: str, place: Place) -> None:
    """The nearest value that exists says where to look."""
    text = '{\n  "a": [1, 2],\n  "b": {"c": 7}\n}'

    assert jsontext.place_of(text, path) == place


@pytest.mark.parametrize("text", ["", "   ", "]", "}}", '"', "{", "[,,,", '{"a" "b"}', "\ud800", '{"a":{"b":'])
def test_a_text_that_makes_no_sense_is_read_as_far_as_it_does(text: str) -> None:
    """Broken text has places or none, and never an error."""
    assert all(0 <= at <= len(text) for at in jsontext.offsets(text).values())


def test_a_deep_text_needs_no_deep_stack() -> None:
    """Nesting costs memory and not recursion."""
    deepest = "[0]" * 500

    assert jsontext.offsets("[" * 501 + "7" + "]" * 501)[deepest] == 500


def test_of_a_key_that_appears_twice_the_last_counts() -> None:
    """The place told for a duplicate is where it appears again."""
    assert jsontext.place_of('{"a": 1,\n "a": 2}', "a") == Place(2, 7)
