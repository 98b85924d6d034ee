"""The policy as the search sees it: variables with classes, and each condition as a mask over the classes of one.

A condition has two masks. `must`: the classes for which it is certainly true. `may`: those for which it could be, where
AWS's behaviour is not settled. Between the two lies what the verdict `undecided` is for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, cast

from kms_perimeter.policy import callers as who
from kms_perimeter.policy import classes, context_keys, operators, origins, ties, variables
from kms_perimeter.policy.context_keys import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kms_perimeter.policy.budget import Budget
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import Condition, KeyPolicy, Statement
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.operators import Test
    from kms_perimeter.policy.origins import Situation, Value
    from kms_perimeter.policy.shapes import Parts, Shape

_MOST_JOINT = 4096
_OF_CALLER = who.TELLING_KEYS | {"aws:principalservicename", "aws:principalservicenameslist"}


@dataclass(slots=True)
class Variable:
    """One condition key, or several that cannot be set apart.

    Attributes:
        names: the keys, in lower case.
        values: whole contexts of these keys, the simplest first. The mask has one more bit, for values that were not
            thought of.
        exact: whether no such values are left.
        tells_callers: whether what the keys can be depends on who calls.
        tells_operations: whether it depends on what for.
    """

    names: tuple[str, ...]
    values: list[dict[str, Value]]
    exact: bool
    tells_callers: bool = field(init=False)
    tells_operations: bool = field(init=False)

    def __post_init__(self) -> None:
        """Note whether what the keys can be depends on who calls, and on what for."""
        self.tells_callers = not _OF_CALLER.isdisjoint(self.names)
        self.tells_operations = any((k := context_keys.find(n)) and k.operations for n in self.names)

    @property
    def unknown(self) -> int:
        """The bit for the values that were not thought of."""
        return 1 << len(self.values)

    def mask(self, situation: Situation) -> int:
        """The classes that a request of this situation can have."""
        mask = 0
        for bit, context in enumerate(self.values):
            if all(situation.allows(name, value) for name, value in context.items()):
                mask |= 1 << bit
        # INVARIANT: a request always has some value; where none was thought of, that is no proof of anything.
        return mask or self.unknown


@dataclass(frozen=True, slots=True)
class Block:
    """A condition as masks over the classes of one variable, and why it is not settled where the masks differ."""

    condition: Condition
    variable: int
    must: int
    may: int
    note: str | None


@dataclass(slots=True)
class Model:
    """Variables, and the blocks of each statement by its index in the policy."""

    variables: list[Variable]
    blocks: dict[int, list[Block]] = field(default_factory=dict)
    _masks: dict[tuple[object, ...], int] = field(default_factory=dict)

    def domains(self, situation: Situation) -> list[int]:
        """For each variable, the classes that a request of this situation can have."""
        return [self._mask(place, variable, situation) for place, variable in enumerate(self.variables)]

    def _mask(self, place: int, variable: Variable, situation: Situation) -> int:
        """The mask of a variable, worked out once for all situations that are the same to it."""
        caller = situation.caller if variable.tells_callers else situation.caller.is_service
        operation = situation.operation if variable.tells_operations else ""
        same = (place, situation.origin, caller, operation, situation.outside)
        if (mask := self._masks.get(same)) is None:
            mask = self._masks[same] = variable.mask(situation)
        return mask


def build(
    policy: KeyPolicy, statements: Sequence[Statement], callers: Sequence[Caller], key: Key, budget: Budget
) -> Model:
    """The model of some statements of a policy.

    Raises:
        BoundReached: taking the patterns apart costs more than the budget.
    """
    conditions = [c for s in statements for c in s.conditions]
    references = _references(conditions) if policy.has_variables else {}
    names = dict.fromkeys([*(c.key for c in conditions), *(r for rs in references.values() for r in rs)])
    values = _Values(conditions, callers, key, budget, references)
    model = Model([values.variable(group) for group in _groups(list(names), references)])
    place = {name: n for n, variable in enumerate(model.variables) for name in variable.names}
    for statement in statements:
        model.blocks[statement.ref.index] = [
            _block(c, place[c.key], model.variables[place[c.key]], references, budget) for c in statement.conditions
        ]
    return model


def _references(conditions: Iterable[Condition]) -> dict[Condition, tuple[str, ...]]:
    found = {}
    for condition in conditions:
        operator = operators.read(condition.operator).operator
        if operator and operator.variables is not False:
            named = tuple(r for value in condition.values for r in variables.references(value))
            if named or any("${" in value for value in condition.values):
                found[condition] = named
    return found


def _groups(names: list[str], references: Mapping[Condition, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The keys that must be taken together: tied by AWS, or by a policy variable."""
    leader = {name: name for name in names}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    by_family: dict[str, str] = {}
    for name in names:
        leader[find(name)] = find(by_family.setdefault(ties.family(name), name))
    for condition, referred in references.items():
        for name in referred:
            leader[find(name)] = find(condition.key)
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(find(name), []).append(name)
    return [tuple(group) for group in grouped.values()]


class _Values:
    """Finds the values to try for each key."""

    def __init__(
        self,
        conditions: Sequence[Condition],
        callers: Sequence[Caller],
        key: Key,
        budget: Budget,
        references: Mapping[Condition, tuple[str, ...]],
    ) -> None:
        self.by_key: dict[str, list[Condition]] = {}
        for condition in conditions:
            self.by_key.setdefault(condition.key, []).append(condition)
        self.spelled = {c.key: c.spelling for c in conditions}
        self.callers = callers
        self.key = key
        self.budget = budget
        self.references = references

    def variable(self, names: tuple[str, ...]) -> Variable:
        """The variable for keys that belong together."""
        if len(names) == 1 and not self.references:
            values, exact = self._of(names[0], ())
            return Variable(names, [{names[0]: v} for v in values], exact)
        return self._joint(names)

    def _joint(self, names: tuple[str, ...]) -> Variable:
        plain = {name: self._texts(name, ())[0] for name in names}
        more = ties.enrich(names, plain, self.spelled)
        compared = [c for name in names for c in self.by_key.get(name, ()) if c in self.references]
        if compared:
            every = [v for vs in plain.values() for v in vs]
            for name in names:
                more[name] += every
        found = {name: self._of(name, more[name]) for name in names}
        size, exact = 1, not compared and all(e for _, e in found.values())
        for values, _ in found.values():
            size *= len(values)
        if size > _MOST_JOINT:
            most = max(2, int(_MOST_JOINT ** (1 / len(names))))
            found = {name: (values[:most], False) for name, (values, _) in found.items()}
            exact = False
        self.budget.spend(min(size, _MOST_JOINT))
        contexts = (dict(zip(names, combined, strict=True)) for combined in product(*(found[n][0] for n in names)))
        return Variable(names, [c for c in contexts if ties.possible(c)], exact)

    def _of(self, name: str, more: Sequence[str]) -> tuple[list[Value], bool]:
        if (fixed := origins.of_key(name, self.key)) is not origins.FREE:
            # Not every operation has the key, so its absence is a class as well.
            return [None, *([] if fixed is None else [cast("Value", fixed)])], True
        known = context_keys.find(name)
        texts, exact = self._texts(name, more)
        if known and known.multivalued:
            sets, whole = classes.sets(texts, len(self.by_key.get(name, ())) + 1)
            return [None, *sets], exact and whole
        return [None, *texts], exact

    def _texts(self, name: str, more: Sequence[str]) -> tuple[list[str], bool]:
        fixed = self._of_callers(name)
        if fixed is not None:
            return fixed, True
        found = classes.texts(context_keys.find(name), self._shapes(name), self.budget, [*more, *self._seeds(name)])
        # Members of a list that a tie or a variable asks for stay, even where no pattern tells them apart.
        kept = dict.fromkeys([*found.values, *more]) if more else dict.fromkeys(found.values)
        domain = classes.DOMAINS.get(known.kind if (known := context_keys.find(name)) else Kind.TEXT)
        return [v for v in kept if domain is None or domain.accepts(v)], found.exact

    def _seeds(self, name: str) -> list[str]:
        if name == "kms:granteeprincipal":
            return [c.arn for c in self.callers if not c.is_service]
        if name in ("aws:principalservicename", "aws:principalservicenameslist"):
            return [c.text for c in self.callers if c.is_service]
        if name in ("kms:viaservice", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast"):
            return ["s3.us-east-1.amazonaws.com" if name == "kms:viaservice" else "s3.amazonaws.com"]
        return []

    def _of_callers(self, name: str) -> list[str] | None:
        people = [c for c in self.callers if not c.is_service]
        if name == "aws:principalarn":
            return list(dict.fromkeys(c.arn for c in people))
        if name in who.ACCOUNT_KEYS:
            return list(dict.fromkeys(c.account for c in people))
        if name == "aws:username":
            return list(dict.fromkeys(c.name for c in people if ":user/" in c.arn))
        return None

    def _shapes(self, name: str) -> list[Shape]:
        made: list[Shape] = []
        for condition in self.by_key.get(name, ()):
            operator = operators.read(condition.operator).operator
            if operator:
                made += [operator.shape([(v, True)]) for v in condition.values if "${" not in v]
        return made


def _block(
    condition: Condition,
    place: int,
    variable: Variable,
    references: Mapping[Condition, tuple[str, ...]],
    budget: Budget,
) -> Block:
    truth = _Truth(condition, filled=condition in references)
    must = may = 0
    budget.spend(len(variable.values) * max(1, len(truth.wild)))
    for bit, context in enumerate(variable.values):
        certain, possible = truth.of(context)
        must |= certain << bit
        may |= possible << bit
    if context_keys.find(condition.key) is None:
        # Nobody knows whether a request carries this key: certain is only what is true whatever it says.
        full = (1 << len(variable.values)) - 1
        must, may = (full if must == full else 0), (full if may else 0)
        truth.note = f"`{condition.spelling}` is not a condition key that AWS documents for KMS"
    return Block(condition, place, must, may | variable.unknown, truth.note)


class _Truth:
    """When a condition is true: certainly, or possibly."""

    def __init__(self, condition: Condition, *, filled: bool) -> None:
        self.condition = condition
        self.test: Test = operators.read(condition.operator)
        self.filled = filled
        self.note: str | None = None
        operator = self.test.operator
        texts = [v for v in condition.values if not (filled and "${" in v)]
        made = [operator.shape([(v, True)]) for v in texts] if operator else []
        self.words = frozenset(s.literal for s in made if s.literal is not None)
        self.wild = [s for s in made if s.literal is None]
        self.unsettled = self._unsettled()

    def _unsettled(self) -> bool:
        """Whether nothing certain can be said of it, whatever the request says."""
        written = self.condition.operator
        if not self.test.known:
            self.note = f"`{written}` is not a condition operator"
        elif not self.test.exact:
            self.note = f"whether AWS takes `{written}` in this spelling is not documented"
        elif not self.condition.values:
            self.note = f"`{self.condition.spelling}` has an empty list of values"
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
        numeric = operator.family.startswith(("Numeric", "Date"))
        if numeric and not operator.shape([("0" if operator.family[0] == "N" else "2026", True)]).reads(value):  # type: ignore[attr-defined]
            return False, False
        matched = value in self.words or any(shape.accepts(value) for shape in self.wild)
        matched = matched or (self.filled and self._filled_match(value, context))
        if not matched and operator.family == "Arn" and self._short_pattern():
            return False, True
        return (matched is not operator.negated,) * 2

    def _short_pattern(self) -> bool:
        if any(v.count(":") < 5 and "*" in v for v in self.condition.values):  # noqa: PLR2004
            self.note = (
                f"what `{self.condition.operator}` makes of a pattern of fewer than six fields is not documented"
            )
            return True
        return False

    def _filled_match(self, value: str, context: Mapping[str, Value]) -> bool:
        operator = self.test.operator
        assert operator is not None  # noqa: S101
        for pattern in self.condition.values:
            parts = _fill(pattern, context) if "${" in pattern else None
            if parts is not None and operator.shape(parts).accepts(value):
                return True
        return False


def _fill(pattern: str, context: Mapping[str, Value]) -> Parts | None:
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
