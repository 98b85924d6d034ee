"""When a condition is true, as the search sees it: certainly, or possibly where AWS's behaviour is not settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy import context_keys, operators, readings, shapes, variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.policy.document import Condition
    from kms_perimeter.policy.operators import Test
    from kms_perimeter.policy.origins import Value
    from kms_perimeter.policy.shapes import Parts, Shape


def references(condition: Condition, *, has_variables: bool) -> dict[str, tuple[str, ...]]:
    """The values of a condition that refer to other condition keys, each with the keys in lower case."""
    operator = operators.read(condition.operator).operator
    if not has_variables or operator is None or operator.variables is False:
        return {}
    return {value: keys for value in condition.values if (keys := variables.references(value))}


def shapes_of(condition: Condition, *, has_variables: bool) -> list[Shape]:
    """The shapes of the values that stand for themselves."""
    operator = operators.read(condition.operator).operator
    if operator is None:
        return []
    filled = has_variables and operator.variables is not False
    made = []
    for value in condition.values:
        if not filled or "${" not in value:
            made.append(operator.shape([(value, True)]))
        elif not variables.references(value):
            # Only escapes such as `${*}`: text whose stars are stars.
            parts = [(p.text, p.wild) for p in variables.parse(value) if isinstance(p, variables.Text)]
            made.append(operator.shape(parts))
    return made


def telling(condition: Condition, *, has_variables: bool) -> list[Shape]:
    """Every shape by which the condition can tell values apart, those it may or may not go by among them."""
    return [*shapes_of(condition, has_variables=has_variables), *_loose(condition)]


def _loose(condition: Condition) -> list[Shape]:
    """ARN patterns of too few fields, taken as patterns whose wildcards stand for the others."""
    operator = operators.read(condition.operator).operator
    if operator is None or operator.family != "Arn":
        return []
    return [shapes.glob([(value, True)]) for value in condition.values if _is_short(value)]


class Truth:
    """When a condition is true: certainly, or possibly."""

    def __init__(self, condition: Condition, *, has_variables: bool) -> None:
        self.condition = condition
        self.test: Test = operators.read(condition.operator)
        self.note: str | None = None
        referring = references(condition, has_variables=has_variables)
        self.filled = [value for value in condition.values if value in referring]
        self.strange = [k for keys in referring.values() for k in keys if context_keys.find(k) is None]
        made = shapes_of(condition, has_variables=has_variables)
        self.words = frozenset(s.literal for s in made if s.literal is not None)
        self.wild = [s for s in made if s.literal is None]
        self.read = shapes.READERS.get(next((s.family for s in made), ""))
        self.loose = _loose(condition)
        self.odd = self._odd()
        self.unsettled = self._unsettled()

    def _odd(self) -> str | None:
        """Why it is not settled what one of the values stands for, where nothing matches it; None where all are."""
        said = f"`{self.condition.operator}`"
        if self.loose:
            return f"what {said} makes of a pattern of fewer than six fields is not documented"
        unread = (s.family for s in self.wild if isinstance(s, shapes.Nothing))
        if family := next(filter(None, unread), None):
            return f"what {said} makes of a value that is no {family} is not documented"
        return None

    def _unsettled(self) -> bool:
        """Whether nothing certain can be said of it, whatever the request says."""
        written = self.condition.operator
        if not self.test.known:
            self.note = f"`{written}` is not a condition operator"
        elif not self.test.exact:
            self.note = f"whether AWS takes `{written}` in this spelling is not documented"
        elif not self.condition.values:
            self.note = f"`{self.condition.spelling}` has an empty list of values"
        elif self.read is readings.date and any(map(_is_year, self.condition.values)):
            self.note = f"whether a number of four digits under `{written}` is a year or seconds is not documented"
        elif self.strange:
            self.note = f"`${{{self.strange[0]}}}` names no condition key that AWS documents"
        elif self.filled and self.test.operator and self.test.operator.variables is None:
            self.note = f"AWS's documents contradict each other on policy variables under `{written}`"
        return self.note is not None

    def of(self, context: Mapping[str, Value]) -> tuple[bool, bool]:
        """Whether the condition is certainly, and whether it is possibly, true of a request with this context."""
        if self.unsettled:
            return False, True
        value = context[self.condition.key]
        test = self.test
        if test.operator is None:
            said = [(v.lower() == "true") == (value is None or value == ()) for v in self.condition.values]
            return any(said), any(said)
        if test.quantifier:
            return self._of_set(value, context)
        if value is None:
            return (test.if_exists or test.operator.negated,) * 2
        if isinstance(value, tuple):
            self.note = (
                f"`{test.operator.name}` without a set prefix on `{self.condition.spelling}`, which has many values"
            )
            return False, True
        return self._compare(value, context)

    def _of_set(self, value: Value, context: Mapping[str, Value]) -> tuple[bool, bool]:
        members = () if value is None else (value,) if isinstance(value, str) else value
        each = [self._compare(member, context) for member in members]
        if self.test.quantifier == "all":
            return all(c for c, _ in each), all(p for _, p in each)
        if value is None and self.test.if_exists:
            self.note = f"what `{self.condition.operator}` says of an absent key is not documented"
            return False, True
        return any(c for c, _ in each), any(p for _, p in each)

    def _compare(self, value: str, context: Mapping[str, Value]) -> tuple[bool, bool]:
        operator = self.test.operator
        assert operator is not None  # noqa: S101  (INVARIANT: `Null` is answered before)
        if self.read and self.read(value) is None:
            return False, False
        matched = value in self.words or any(shape.accepts(value) for shape in self.wild)
        matched = matched or self._filled_match(value, context)
        if not matched and self.odd and (not self.loose or any(shape.accepts(value) for shape in self.loose)):
            self.note = self.odd
            return False, True
        return (matched is not operator.negated,) * 2

    def _filled_match(self, value: str, context: Mapping[str, Value]) -> bool:
        operator = self.test.operator
        assert operator is not None  # noqa: S101  (INVARIANT: `Null` is answered before)
        for pattern in self.filled:
            parts = fill(pattern, context)
            if parts is not None and operator.shape(parts).accepts(value):
                return True
        return False


def _is_short(pattern: str) -> bool:
    """Whether an ARN pattern has fewer than six fields, and a wildcard that might stand for the others."""
    return pattern.count(":") < 5 and "*" in pattern  # noqa: PLR2004


def _is_year(value: str) -> bool:
    return len(value) == 4 and value.isdecimal()  # noqa: PLR2004


def fill(pattern: str, context: Mapping[str, Value]) -> Parts | None:
    """The pattern with its variables filled in; None where one has no single value."""
    parts: list[tuple[str, bool]] = []
    for part in variables.parse(pattern):
        if isinstance(part, variables.Text):
            parts.append((part.text, part.wild))
            continue
        value = context.get(part.key)
        value = part.default if value is None else value
        if not isinstance(value, str):
            return None
        parts.append((value, False))
    return parts
