"""A perimeter file in YAML: turned into plain values, with the line and column of each."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import yaml

from kms_perimeter import perimeter
from kms_perimeter.errors import MalformedPerimeter
from kms_perimeter.reading import Members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.perimeter import PerimeterFile

MOST_VALUES = 100_000  # aliases (`*name`) can make a short text a very long document, or one without end


def load(text: str) -> PerimeterFile:
    """Read a perimeter file from YAML.

    Raises:
        MalformedPerimeter: with line and column.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise MalformedPerimeter("the file is empty")
        reader = _Reader(loader)
        return perimeter.from_document(reader.value(node, ""), reader.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise MalformedPerimeter(f"not YAML: {error.problem or error.context}", line=line, column=column) from None
    except RecursionError:  # brackets without end, or an anchor that holds itself
        raise MalformedPerimeter("nested too deep to be read") from None
    except yaml.YAMLError as error:
        raise MalformedPerimeter(f"not YAML: {str(error).splitlines()[0]}") from None
    finally:
        loader.dispose()


class _Reader:
    """Walks the nodes, noting where each value stands."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self.lines: dict[str, tuple[int, int]] = {}
        self._values = 0

    def value(self, node: yaml.Node, path: str) -> Any:  # noqa: ANN401 - YAML can hold anything
        """The node's value: a `Members`, a list, or a scalar."""
        self._values += 1
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        if self._values > MOST_VALUES:
            raise MalformedPerimeter("holds too much", line=place[0], column=place[1])
        self.lines[path] = place
        if isinstance(node, yaml.MappingNode):
            return Members(self._members(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{path}[{i}]") for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _members(self, node: yaml.MappingNode, path: str) -> Iterator[tuple[str, Any]]:
        for name_node, value_node in node.value:
            name = str(name_node.value)
            yield name, self.value(value_node, f"{path}.{name}" if path else name)

    def _scalar(self, node: yaml.Node) -> Any:  # noqa: ANN401 - as `value`
        try:
            value = self._loader.construct_object(node)
        except (ValueError, yaml.YAMLError):  # such as the 30th of February, which YAML takes for a date
            return node.value
        return value.isoformat() if isinstance(value, date) else value
