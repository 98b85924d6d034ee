"""The values to try for each condition key, and for keys that must be taken together."""

from __future__ import annotations

from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, cast

from kms_perimeter.policy import callers as who
from kms_perimeter.policy import classes, context_keys, domains, operators, origins, shapes, ties, truth, variables
from kms_perimeter.policy.variables import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kms_perimeter.policy.boundary import Networks
    from kms_perimeter.policy.budget import Budget
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import Condition
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.origins import Value
    from kms_perimeter.policy.shapes import Shape

_MOST_JOINT = 4096  # whole contexts
_MOST_CELLS = 65_536  # values in all of them
_WHOLE = frozenset({"String", "StringLike", "Arn"})
"""The families in which a value that is just a variable equals what the variable says, and nothing else."""


class Values:
    """Finds the values of the condition keys of some statements.

    Args:
        conditions: the conditions of all the statements.
        callers: who could ask.
        key: what is known of the key.
        approved: every network that some rule approves: these are told apart from all others.
        resources: patterns of `Resource` elements with variables.
        has_variables: whether the policy's Version has variables.
        budget: what it may cost.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        callers: Sequence[Caller],
        key: Key,
        approved: Networks,
        resources: Sequence[str],
        budget: Budget,
        *,
        has_variables: bool,
    ) -> None:
        self.by_key: dict[str, list[Condition]] = {}
        for condition in conditions:
            self.by_key.setdefault(condition.key, []).append(condition)
        self.spelled = {c.key: c.spelling for c in conditions}
        self.callers = callers
        self.key = key
        self.resources = resources
        self.budget = budget
        self.has_variables = has_variables
        self.told_apart = _told_apart(approved)

    def of(self, names: tuple[str, ...], compared: Sequence[Condition]) -> tuple[list[dict[str, Value]], bool]:
        """Whole contexts of keys that belong together, and whether no others need trying.

        Args:
            names: the keys.
            compared: the conditions among them that compare one key with another by a policy variable.
        """
        if len(names) == 1 and not compared and not self._in_resources(names):
            values, exact = self._of(names[0], (), self._shapes(names))
            return [{names[0]: value} for value in values], exact
        return self._joint(names, compared)

    def _joint(self, names: tuple[str, ...], compared: Sequence[Condition]) -> tuple[list[dict[str, Value]], bool]:
        plain = {name: self._texts(name, (), self._shapes((name,)))[0] for name in names}
        more = ties.enrich(names, plain, self.spelled)
        made = {name: self._shapes(names if ties.are_members(names) else (name,)) for name in names}
        if compared or self._in_resources(names):
            every = [v for vs in plain.values() for v in vs] + self._solutions(compared, plain)
            for name in names:
                # A value that one key has must be there for the other, and a second one that differs from it.
                more[name] += [*every, *_samples(name, every)]
                made[name] = self._shapes(names)
        found = {name: self._of(name, more[name], made[name], len(names) - 1) for name in names}
        exact = (
            all(e for _, e in found.values())
            and all(map(self._is_whole, compared))
            and not self._in_resources(names)
            and ties.are_plain(names, {n: [v for c in self.by_key.get(n, ()) for v in c.values] for n in names})
        )
        contexts, whole = self._contexts({name: values for name, (values, _) in found.items()})
        return contexts, exact and whole

    def _contexts(self, choices: Mapping[str, Sequence[Value]]) -> tuple[list[dict[str, Value]], bool]:
        """The contexts of these values that a request can have, and whether they are all of them."""
        size = prod(map(len, choices.values()))
        most = min(_MOST_JOINT, _MOST_CELLS // len(choices))
        self.budget.spend(min(size, most))
        if size <= most:
            made = (dict(zip(choices, values, strict=True)) for values in product(*choices.values()))
            return [c for c in made if ties.possible(c)], True
        taken = list(islice(ties.plainest_first(choices), most + 1))
        return [c for c in taken[:most] if c is not None and ties.possible(c)], len(taken) <= most

    def _is_whole(self, condition: Condition) -> bool:
        """Whether each variable of the condition is the whole value that it stands in."""
        operator = operators.read(condition.operator).operator
        known = context_keys.find(condition.key)
        referring = truth.references(condition, has_variables=self.has_variables)
        alone = all(len(variables.parse(value)) == 1 for value in referring)
        return alone and operator is not None and operator.family in _WHOLE and not (known and known.multivalued)

    def _in_resources(self, names: Iterable[str]) -> bool:
        referred = {key for pattern in self.resources for key in variables.references(pattern)}
        return not referred.isdisjoint(names)

    def _solutions(self, compared: Sequence[Condition], plain: Mapping[str, Sequence[str]]) -> list[str]:
        """What a variable must say for the value around it to come out as something that the key can be."""
        wanted = [(v, t) for c in compared for v in c.values for t in plain.get(c.key, ())]
        arn = self.key.arn
        wanted += [(pattern, arn) for pattern in self.resources if arn]
        found = []
        for pattern, text in wanted:
            parts = variables.parse(pattern) if "${" in pattern else ()
            found += [p.default for p in parts if isinstance(p, Reference) and p.default is not None]
            before, after = _around(pattern)
            if text.startswith(before) and text.endswith(after) and len(text) > len(before) + len(after):
                found.append(text[len(before) : len(text) - len(after)])
        return [*found, *([self.key.key_id] if self.resources and self.key.key_id else [])]

    def _of(self, name: str, more: Sequence[str], made: Sequence[Shape], tied: int = 0) -> tuple[list[Value], bool]:
        """The values of one key, and whether no others need trying; `tied` other keys can each ask for a member."""
        if (fixed := origins.of_key(name, self.key)) is not origins.FREE:
            # Not every operation has the key, so its absence is a class as well.
            return [None, *([] if fixed is None else [cast("Value", fixed)])], True
        known = context_keys.find(name)
        texts, exact = self._texts(name, more, made)
        if known and known.multivalued:
            sets, whole = classes.sets(texts, len(self.by_key.get(name, ())) + 1 + tied)
            return [None, *sets], exact and whole
        return [None, *texts], exact

    def _texts(self, name: str, more: Sequence[str], made: Sequence[Shape]) -> tuple[list[str], bool]:
        fixed = self._of_callers(name)
        known = context_keys.find(name)
        if fixed is not None and not self._is_open(name):
            return fixed, True
        told = [*made, *self.told_apart.get(name, ())]
        found = classes.texts(known, told, self.budget, [*more, *self._seeds(name), *(fixed or ())])
        # Values that a tie or a variable asks for stay, even where no pattern tells them apart.
        domain = domains.of(known)
        kept = [v for v in more if domain.accepts(v)]
        return list(dict.fromkeys([*(fixed or ()), *found.values, *kept])), found.exact

    def _is_open(self, name: str) -> bool:
        """Whether an AWS service asks for itself, of whose request AWS does not document what the key says."""
        return name in origins.OPEN_FOR_SERVICES and any(c.is_service for c in self.callers)

    def _seeds(self, name: str) -> list[str]:
        if name == "kms:granteeprincipal":
            return [c.arn for c in self.callers if not c.is_service]
        if name in ("aws:principalservicename", "aws:principalservicenameslist"):
            return [c.text for c in self.callers if c.is_service]
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

    def _shapes(self, names: Iterable[str]) -> list[Shape]:
        conditions = [c for name in names for c in self.by_key.get(name, ())]
        return [shape for c in conditions for shape in truth.telling(c, has_variables=self.has_variables)]


def _told_apart(approved: Networks) -> dict[str, list[Shape]]:
    by_name = {
        "aws:sourcevpce": approved.vpc_endpoints,
        "aws:sourcevpc": approved.vpcs,
        "aws:vpceaccount": approved.vpce_accounts,
        "aws:vpceorgid": approved.vpce_org_ids,
    }
    return {name: [shapes.word([(value, False)]) for value in sorted(values)] for name, values in by_name.items()}


def _samples(name: str, taken: Sequence[str]) -> list[str]:
    return [domains.of(context_keys.find(name)).fresh(taken)]


def _around(pattern: str) -> tuple[str, str]:
    """What stands before the first variable of a pattern and after the last one."""
    return pattern.partition("${")[0], pattern.rpartition("}")[2]
