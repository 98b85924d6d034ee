"""Frozen records: what `@dataclass(frozen=True, slots=True)` makes, made in a tenth of the time.

The standard module imports `inspect` and compiles half a dozen methods for each class, which together took more than
half of the engine's start. A record has the same constructor, equality, hash and text, and a type checker takes it for
a dataclass. So do the functions of `dataclasses` itself: whoever calls them has imported that module anyway.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """The class as a frozen record of the fields that it annotates; what it defines itself stays."""
    names = tuple(cls.__annotations__)
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    defaults = {name: body.pop(name) for name in names if name in body}
    body |= {"__slots__": names, "__match_args__": names}
    made: Any = type(cls.__name__, cls.__bases__, {**_METHODS, **body})
    made.__values__ = staticmethod(attrgetter(*names))
    made.__init__ = _constructor(made, names, defaults)
    return made  # type: ignore[no-any-return]


def replace(one: T, **changes: object) -> T:
    """A copy of a record with some fields changed."""
    return type(one)(**{name: getattr(one, name) for name in _fields(one)} | changes)


def _fields(one: object) -> tuple[str, ...]:
    return type(one).__slots__  # type: ignore[attr-defined, no-any-return]


def _constructor(cls: type, names: Sequence[str], defaults: Mapping[str, object]) -> object:
    """An `__init__` that sets each slot by its own setter: the quickest way, and the only one past `__setattr__`."""
    known: dict[str, object] = {f"_set_{name}": vars(cls)[name].__set__ for name in names}
    known |= {f"_default_{name}": value for name, value in defaults.items()}
    taken = ", ".join(f"{name}=_default_{name}" if name in defaults else name for name in names)
    body = "\n".join(f"    _set_{name}(self, {name})" for name in names)
    exec(f"def __init__(self, {taken}):\n{body}", known)  # noqa: S102  (names of fields, written in this package)
    return known["__init__"]


def _equal(self: object, other: object) -> Any:  # noqa: ANN401  (`NotImplemented` has no type of its own)
    if type(other) is not type(self):
        return NotImplemented
    values: Any = type(self).__values__  # type: ignore[attr-defined]
    return self is other or values(self) == values(other)


def _hash(self: object) -> int:
    return hash(type(self).__values__(self))  # type: ignore[attr-defined]


def _text(self: object) -> str:
    said = ", ".join(f"{name}={getattr(self, name)!r}" for name in _fields(self))
    return f"{type(self).__qualname__}({said})"


def _reduce(self: object) -> tuple[type, tuple[object, ...]]:
    """Copies and pickles are made by calling the class again."""
    return type(self), tuple(getattr(self, name) for name in _fields(self))


def _is_frozen(self: object, name: str, value: object = None) -> NoReturn:  # noqa: ARG001
    message = f"cannot change field {name!r} of a frozen {type(self).__qualname__}"
    raise AttributeError(message)


class _Fields:
    """The fields as `dataclasses` wants them, made when it asks for them."""

    def __get__(self, one: object, cls: type) -> dict[str, Any]:
        from dataclasses import make_dataclass  # noqa: PLC0415  (see the module's docstring)

        fields: dict[str, Any] = make_dataclass(cls.__name__, cls.__slots__).__dataclass_fields__  # type: ignore[attr-defined]
        return fields


_METHODS = {
    "__eq__": _equal,
    "__hash__": _hash,
    "__repr__": _text,
    "__reduce__": _reduce,
    "__setattr__": _is_frozen,
    "__delattr__": _is_frozen,
    "__dataclass_fields__": _Fields(),
}
