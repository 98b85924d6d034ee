"""The policy as the search sees it: variables with classes, and each condition as a mask over the classes of one.

A condition has two masks. `must`: the classes for which it is certainly true. `may`: those for which it could be, where
AWS's behaviour is not settled. Between the two lies what the verdict `undecided` is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy import callers as who
from kms_perimeter.policy import context_keys, ties, truth, variables
from kms_perimeter.policy.document import Condition
from kms_perimeter.policy.record import record, replace
from kms_perimeter.policy.shapes import Glob
from kms_perimeter.policy.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kms_perimeter.policy.boundary import Networks
    from kms_perimeter.policy.budget import Budget
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import KeyPolicy, Statement
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.origins import Situation, Value

_OF_CALLER = who.TELLING_KEYS | {"aws:principalservicename", "aws:principalservicenameslist"}


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

    __slots__ = ("_places", "exact", "names", "tells_callers", "tells_operations", "values")

    def __init__(self, names: tuple[str, ...], values: list[dict[str, Value]], *, exact: bool) -> None:
        self.names = names
        self.values = values
        self.exact = exact
        self.tells_callers = not _OF_CALLER.isdisjoint(self.names)
        self.tells_operations = any((k := context_keys.find(n)) and k.operations for n in self.names)
        self._places = {name: _places(name, values) for name in names}

    @property
    def unknown(self) -> int:
        """The bit for the values that were not thought of."""
        return 1 << len(self.values)

    def mask(self, situation: Situation, *, certain: bool) -> int:
        """The classes that a request of this situation can have.

        Where AWS does not document what a key says, certain is only what holds whatever it says: the bit for unknown
        values. Possible is every value, but it is one and the same for all statements.
        """
        is_open = [name for name in self.names if situation.is_open(name)]
        if certain and is_open:
            return self.unknown
        tests = [(name, situation.test_of(name)) for name in self.names if name not in is_open]
        mask = (1 << len(self.values)) - 1
        for name, test in tests:
            mask &= sum([places for value, places in self._places[name] if test(value)])
        # INVARIANT: a request always has some value; where none was thought of, that is no proof of anything.
        return (mask or self.unknown) if certain or self.exact else mask | self.unknown


def _places(name: str, contexts: Sequence[Mapping[str, Value]]) -> list[tuple[Value, int]]:
    """What a key says in some contexts, each with a bit for every context in which it says that.

    Whole contexts of keys that are tied may be thousands, but each of the keys says few things.
    """
    found: dict[Value, bytearray] = {}
    for place, context in enumerate(contexts):
        bits = found.setdefault(context[name], bytearray())
        bits.extend(bytes(place // 8 + 1 - len(bits)))
        bits[place // 8] |= 1 << place % 8
    return [(value, int.from_bytes(bits, "little")) for value, bits in found.items()]


@record
class Block:
    """A condition as masks over the classes of one variable, and why it is not settled where the masks differ."""

    condition: Condition
    variable: int
    must: int
    may: int
    note: str | None


@record
class Facts:
    """What does not depend on the request: the key as it is known, its ARN completed, every approved network."""

    key: Key
    arn: str
    approved: Networks


class Model:
    """Variables, and the blocks of each statement by its index in the policy."""

    __slots__ = ("_masks", "blocks", "variables")

    def __init__(self, variables: list[Variable], blocks: dict[int, list[Block]]) -> None:
        self.variables = variables
        self.blocks = blocks
        self._masks: dict[tuple[object, ...], int] = {}

    def domains(self, situation: Situation, *, certain: bool) -> list[int]:
        """For each variable, the classes that a request of this situation can have."""
        return [
            self._mask(place, variable, situation, certain=certain) for place, variable in enumerate(self.variables)
        ]

    def _mask(self, place: int, variable: Variable, situation: Situation, *, certain: bool) -> int:
        """The mask of a variable, worked out once for all situations that are the same to it."""
        caller = situation.caller if variable.tells_callers else situation.caller.is_service
        operation = situation.operation if variable.tells_operations else ""
        same = (place, certain, situation.origin, caller, operation, situation.outside)
        if (mask := self._masks.get(same)) is None:
            mask = self._masks[same] = variable.mask(situation, certain=certain)
        return mask


def build(
    policy: KeyPolicy,
    statements: Sequence[Statement],
    callers: Sequence[Caller],
    facts: Facts,
    budget: Budget,
) -> Model:
    """The model of some statements of a policy.

    Raises:
        BoundReached: taking the patterns apart costs more than the budget.
    """
    conditions = [c for s in statements for c in s.conditions]
    has_variables = policy.has_variables
    resources = [p for s in statements for p in _varying(s, has_variables=has_variables)]
    if not conditions and not resources:
        return Model([], {s.ref.index: [] for s in statements})
    compared = {c: _keys(truth.references(c, has_variables=has_variables)) for c in conditions} if has_variables else {}
    compared = {condition: keys for condition, keys in compared.items() if keys}
    named = [variables.references(pattern) for pattern in resources]
    together = [(c.key, *keys) for c, keys in compared.items()] + named
    values = Values(conditions, callers, facts.key, facts.approved, resources, budget, has_variables=has_variables)
    names = dict.fromkeys([*(c.key for c in conditions), *(name for group in together for name in group)])
    found = []
    for group in _groups(list(names), together):
        contexts, exact = values.of(group, [c for c in compared if c.key in group])
        found.append(Variable(group, contexts, exact=exact))
    model = Model(found, {})
    place = {name: n for n, variable in enumerate(found) for name in variable.names}
    for statement in statements:
        blocks = [_block(c, place[c.key], found[place[c.key]], budget, has_variables) for c in statement.conditions]
        if varying := _varying(statement, has_variables=has_variables):
            at = place[variables.references(varying[0])[0]]
            blocks.append(_resource(statement, at, found[at], facts))
        model.blocks[statement.ref.index] = blocks
    return model


def _keys(referring: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(key for keys in referring.values() for key in keys)


def _varying(statement: Statement, *, has_variables: bool) -> list[str]:
    """The patterns of `Resource` that depend on the request."""
    if not has_variables or statement.resource is None:
        return []
    return [pattern for pattern in statement.resource.patterns if variables.references(pattern)]


def _groups(names: list[str], together: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The keys that must be taken together: tied by AWS, or by a policy variable."""
    leader = {name: name for name in names}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    by_family: dict[str, str] = {}
    for name in names:
        leader[find(name)] = find(by_family.setdefault(ties.family(name, leader), name))
    for first, *others in together:
        for name in others:
            leader[find(name)] = find(first)
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(find(name), []).append(name)
    return [tuple(group) for group in grouped.values()]


def _block(condition: Condition, place: int, variable: Variable, budget: Budget, has_variables: bool) -> Block:  # noqa: FBT001
    when = truth.Truth(condition, has_variables=has_variables)
    must = may = 0
    budget.spend(len(variable.values) * (1 + len(when.wild)))
    for bit, context in enumerate(variable.values):
        certain, possible = when.of(context)
        must |= certain << bit
        may |= possible << bit
    if context_keys.find(condition.key) is None:
        # Nobody knows whether a request carries this key: certain is only what is true whatever it says.
        full = (1 << len(variable.values)) - 1
        must, may = (full if must == full else 0), (full if may else 0)
        when.note = f"`{condition.spelling}` is not a condition key that AWS documents for KMS"
    return _with_unknown(Block(condition, place, must, may, when.note), variable)


def _with_unknown(block: Block, variable: Variable) -> Block:
    """The block with the bit for values that were not thought of: nothing is certain of them.

    Where there are none, the bit stands for any of the others: what holds of all of them holds of it.
    """
    full = variable.unknown - 1
    must = variable.unknown if variable.exact and block.must == full else 0
    may = 0 if variable.exact and block.may == 0 else variable.unknown
    return replace(block, must=block.must | must, may=block.may | may)


def _resource(statement: Statement, place: int, variable: Variable, facts: Facts) -> Block:
    """A `Resource` with variables, which is as good as a condition on the keys that it refers to."""
    assert statement.resource is not None  # noqa: S101  (INVARIANT: void statements are left out before)
    element, arn = statement.resource, facts.arn
    must = may = 0
    for bit, context in enumerate(variable.values):
        filled = [truth.fill(pattern, context) for pattern in element.patterns]
        matched = any(parts is not None and Glob(parts).accepts(arn) for parts in filled) or "*" in element.patterns
        may |= (matched is not element.negated) << bit
    certain = facts.key.arn is not None or statement.allows
    must = may if certain else 0
    condition = Condition("Resource", variable.names[0], variable.names[0], element.patterns)
    note = None if certain else "it names a key that may or may not be this one"
    return _with_unknown(Block(condition, place, must, may, note), variable)
