"""The condition operators, in one table: the evaluator reads one column of it and the search another.

Source: *IAM JSON policy elements: Condition operators*, and *Multivalued context keys*, in the IAM User Guide.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from kms_perimeter.policy import shapes
from kms_perimeter.policy.comparisons import COMPARISONS
from kms_perimeter.policy.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.policy.comparisons import Comparison
    from kms_perimeter.policy.shapes import MakeShape


@record
class Operator:
    """One operator without its set prefix and without `IfExists`.

    Attributes:
        name: as AWS spells it.
        family: operators of one family differ only in `negated`.
        negated: true where no value of the policy may match, and then also true of an absent key.
        compare: the evaluator's column: one value of the request against one of the policy.
        shape: the search's column: the set of texts that a value of the policy stands for.
        variables: whether policy variables are filled in: True, False, or None where AWS contradicts itself.
    """

    name: str
    family: str
    negated: bool
    compare: Comparison
    shape: MakeShape
    variables: bool | None


class Row(NamedTuple):
    """A line of the table below."""

    family: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    shape: MakeShape
    variables: bool | None


# fmt: off
# ruff: noqa: FBT003  (a column of the table)
_TABLE = (
    #   family              as they match                  as they must not match         shape           variables
    Row("String",           ("StringEquals",),             ("StringNotEquals",),          shapes.word,        True),
    Row("StringIgnoreCase", ("StringEqualsIgnoreCase",),   ("StringNotEqualsIgnoreCase",), shapes.folded,     True),
    Row("StringLike",       ("StringLike",),               ("StringNotLike",),            shapes.glob,        True),
    Row("Arn",              ("ArnEquals", "ArnLike"),      ("ArnNotEquals", "ArnNotLike"), shapes.arn,        True),
    Row("Bool",             ("Bool",),                     (),                            shapes.truth,       None),
    Row("Binary",           ("BinaryEquals",),             (),                            shapes.word,       False),
    Row("IpAddress",        ("IpAddress",),                ("NotIpAddress",),             shapes.network,    False),
    Row("NumericEquals",    ("NumericEquals",),            ("NumericNotEquals",),         shapes.number("="),  False),
    Row("NumericLessThan",  ("NumericLessThan",),          (),                            shapes.number("<"),  False),
    Row("NumericLessThanEquals",    ("NumericLessThanEquals",),    (),                    shapes.number("<="), False),
    Row("NumericGreaterThan",       ("NumericGreaterThan",),       (),                    shapes.number(">"),  False),
    Row("NumericGreaterThanEquals", ("NumericGreaterThanEquals",), (),                    shapes.number(">="), False),
    Row("DateEquals",       ("DateEquals",),               ("DateNotEquals",),            shapes.date("="),    False),
    Row("DateLessThan",     ("DateLessThan",),             (),                            shapes.date("<"),    False),
    Row("DateLessThanEquals",       ("DateLessThanEquals",),       (),                    shapes.date("<="),   False),
    Row("DateGreaterThan",          ("DateGreaterThan",),          (),                    shapes.date(">"),    False),
    Row("DateGreaterThanEquals",    ("DateGreaterThanEquals",),    (),                    shapes.date(">="),   False),
)
# fmt: on

OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        name: Operator(name, row.family, negated, COMPARISONS[row.family], row.shape, row.variables)
        for row in _TABLE
        for negated, names in ((False, row.positive), (True, row.negative))
        for name in names
    }
)
"""Every operator but `Null`, which asks only whether the key is there."""

NULL = "Null"
_BY_LOWER_NAME = {name.lower(): operator for name, operator in OPERATORS.items()}


class Test(NamedTuple):
    """An operator as a policy writes it.

    Attributes:
        operator: the row of the table; None for `Null`.
        quantifier: ``all`` for `ForAllValues`, ``any`` for `ForAnyValue`, else empty.
        if_exists: whether an absent key makes it true.
        known: whether this is an operator at all.
        exact: whether it is spelled as AWS spells it; how AWS takes another case is not documented.
    """

    operator: Operator | None
    quantifier: str
    if_exists: bool
    known: bool
    exact: bool


@lru_cache(maxsize=512)
def read(written: str) -> Test:
    """What an operator such as ``ForAnyValue:StringLikeIfExists`` asks."""
    prefix, colon, name = written.rpartition(":")
    quantifier = {"": "", "forallvalues": "all", "foranyvalue": "any"}.get(prefix.lower() if colon else "")
    base = name[: -len("IfExists")] if name.lower().endswith("ifexists") else name
    if_exists = base is not name
    is_null = base.lower() == NULL.lower()
    operator = _BY_LOWER_NAME.get(base.lower())
    known = quantifier is not None and (operator is not None or (is_null and not if_exists))
    spelled = f"{ {'all': 'ForAllValues:', 'any': 'ForAnyValue:'}.get(quantifier or '', '') }"
    spelled += (NULL if operator is None else operator.name) + ("IfExists" if if_exists else "")
    return Test(operator, quantifier or "", if_exists, known, known and spelled == written)
