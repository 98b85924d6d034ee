"""A JSON or YAML document with the place of each value, whatever it is about.

The short tags of CloudFormation (`!Sub x`) become the long form (`{"Fn::Sub": x}`) that JSON templates have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy import jsontext
from kms_perimeter.policy.jsontext import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_VALUES = 200_000  # aliases (`*name`) can make a short text a very long document, or one without end
_SHORT = {"!Ref": "Ref", "!Condition": "Condition"}
_TRUE = frozenset({"y", "yes", "true", "on"})


@dataclass(frozen=True, slots=True)
class Located:
    """A document.

    Attributes:
        value: what it holds; numbers and dates of YAML are strings, as they are written.
        places: where each value starts, by its path such as ``Resources.Key.Properties``.
        names: the same for the names of members, where they stand apart from the values.
    """

    value: Any
    places: Mapping[str, Place]
    names: Mapping[str, Place]

    def place(self, path: str) -> Place | None:
        """Where the member at the path starts, with its name."""
        return self.names.get(path) or self.places.get(path)


def from_json(text: str, value: Any) -> Located:  # noqa: ANN401 - JSON
    """The document that holds `value`, which was read from the JSON text."""
    lines = _Lines(text)
    return Located(value, {path: lines.place(offset) for path, offset in jsontext.offsets(text).items()}, {})


class _Lines:
    """Turns offsets that only grow into places, without counting lines from the start for each."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._offset = 0
        self._line = 1

    def place(self, offset: int) -> Place:
        self._line += self._text.count("\n", self._offset, offset)
        self._offset = offset
        return Place(self._line, offset - self._text.rfind("\n", 0, offset))


def from_yaml(text: str) -> Located:
    """Read a YAML text.

    Raises:
        MalformedPolicy: it is not YAML, or holds too much; with line and column where there is one.
    """
    loader = yaml.SafeLoader(text)
    try:
        reader = _Reader()
        node = loader.get_single_node()
        value = None if node is None else reader.value(node, "")
        return Located(value, reader.places, reader.names)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = _place(mark) if mark else (None, None)
        raise MalformedPolicy(f"is not YAML: {error.problem or error.context}", line=line, column=column) from None
    except RecursionError:  # brackets without end, or an anchor that holds itself
        raise MalformedPolicy("is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise MalformedPolicy(f"is not YAML: {str(error).splitlines()[0]}") from None
    finally:
        loader.dispose()


def _place(mark: Any) -> Place:  # noqa: ANN401 - PyYAML's marks have no public type
    return Place(mark.line + 1, mark.column + 1)


class _Reader:
    """Walks the nodes, noting where each value stands."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.names: dict[str, Place] = {}

    def value(self, node: yaml.Node, path: str) -> Any:  # noqa: ANN401 - YAML can hold anything
        self.places[path] = _place(node.start_mark)
        if len(self.places) > MOST_VALUES:
            raise MalformedPolicy("holds too much", line=self.places[path].line, column=self.places[path].column)
        tag = str(node.tag)
        if not tag.startswith("!"):
            return self._plain(node, path)
        name = _SHORT.get(tag, f"Fn::{tag[1:]}")
        inner = self._plain(node, f"{path}.{name}")
        is_attribute = name == "Fn::GetAtt" and isinstance(inner, str)
        return {name: inner.split(".", 1) if is_attribute else inner}

    def _plain(self, node: yaml.Node, path: str) -> Any:  # noqa: ANN401 - as `value`
        if isinstance(node, yaml.MappingNode):
            return {str(n.value): self._member(n, v, path) for n, v in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{path}[{i}]") for i, item in enumerate(node.value)]
        return _scalar(node)

    def _member(self, name: yaml.Node, value: yaml.Node, path: str) -> Any:  # noqa: ANN401 - as `value`
        below = f"{path}.{name.value}" if path else str(name.value)
        self.names[below] = _place(name.start_mark)
        return self.value(value, below)


def _scalar(node: yaml.Node) -> bool | str | None:
    kind = str(node.tag).rpartition(":")[2]
    if kind == "null":
        return None
    return str(node.value).lower() in _TRUE if kind == "bool" else str(node.value)


def load_json(text: str) -> Any:  # noqa: ANN401 - JSON
    """The value of a JSON text, or None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
