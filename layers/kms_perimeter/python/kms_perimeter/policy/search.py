"""One search through a policy: which requests of whom get through, from where.

Everything is asked with `certain` or without: with it, whatever AWS leaves unsettled is held against the request, and
what is found gets through for sure; without it, in the request's favour, and what is not found does not get through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy import applies, model, operations, witness
from kms_perimeter.policy.applies import Sure
from kms_perimeter.policy.callers import TELLING_KEYS, Callers
from kms_perimeter.policy.origins import Situation, is_exempt, origins_of
from kms_perimeter.policy.record import replace
from kms_perimeter.policy.request import Route
from kms_perimeter.policy.solver import solve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kms_perimeter.policy.boundary import Boundary, Covered, Networks
    from kms_perimeter.policy.budget import Budget
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import KeyPolicy, Statement
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.operations import Operation
    from kms_perimeter.policy.origins import Origin
    from kms_perimeter.policy.witness import Solution

    Alike = tuple[tuple[Operation, ...], Covered]
    """Operations that nothing in the policy tells apart, and the rule that covers them."""

_FEW = 3  # callers: to try them all is quicker than to find out which are alike
CREATE_GRANT = operations.OPERATIONS["kms:CreateGrant"]


def _first(mask: int) -> int:
    """The first operation of a mask."""
    return mask & -mask


class Search:
    """One search: the statements that matter, who could ask, and the model of the conditions.

    Args:
        policy: the key policy.
        given: what is known of the key.
        key: the same with its ARN completed, which the requests are about.
        boundary: what counts as inside.
        budget: the bound.
    """

    def __init__(self, policy: KeyPolicy, given: Key, key: Key, boundary: Boundary, budget: Budget) -> None:
        self.key, self.boundary, self.budget = key, boundary, budget
        self.facts = given if given.account == key.account else replace(given, account=key.account)
        self.owner = str(key.account)
        budget.spend(sum([1 + len(s.conditions) for s in policy.statements]))
        self.about: dict[int, Sure] = {
            s.ref.index: applies.to_key(s, self.key, given, has_variables=policy.has_variables)
            for s in policy.statements
            if not s.void
        }
        self.statements = [s for s in policy.statements if self.about.get(s.ref.index, Sure.NO)]
        budget.spend(sum([applies.cost(s.action) for s in self.statements if s.action]))
        self.actions = {s.ref.index: applies.operations(s.action) for s in self.statements if s.action}
        known = Callers(self.statements, self.owner, self.key.partition, boundary, budget)
        self.everybody = self.callers = known.all()
        self.exact = known.exact
        facts = model.Facts(self.facts, str(self.key.arn), boundary.approved)
        self.model = model.build(policy, self.statements, self.callers, facts, budget)
        named = {s.ref.index: applies.Named(s.principal) for s in self.statements}
        budget.spend(len(self.callers) * len(named))
        self.names = {(c.text, index): names.caller(c) for c in self.callers for index, names in named.items()}
        self.named_accounts = {p.account for s in self.statements for p in s.principal.principals}
        self.callers = self._told_apart()
        # The gravest witness is told: somebody of an account that nobody named, before anybody else.
        self.gravest = sorted(self.callers, key=self._gravity)
        self.granting = [s for s in self.statements if s.allows and CREATE_GRANT.name in self.actions[s.ref.index]]
        self.asks_what_is_given = any(not witness.GIVING.isdisjoint(v.names) for v in self.model.variables)

    def _told_apart(self) -> list[Caller]:
        """One caller of each kind: those that no statement treats differently are the same to the search."""
        if len(self.callers) <= _FEW:
            return self.callers
        seen: dict[tuple[object, ...], Caller] = {}
        telling = [v for v in self.model.variables if not TELLING_KEYS.isdisjoint(v.names)]
        for caller in self.callers:
            origins = origins_of(caller)
            situation = Situation(caller, origins[0], CREATE_GRANT.name, self.facts, None, None)
            told = tuple([v.mask(situation, certain=True) for v in telling])
            named = tuple([self.names[caller.text, s.ref.index] for s in self.statements])
            exempt = tuple([is_exempt(caller, o, self.owner, self.boundary) for o in origins])
            given = self._as_grantee(caller) if telling else ()
            seen.setdefault((named, told, given, caller.account == self.owner, exempt, caller.form), caller)
        return list(seen.values())

    def _as_grantee(self, caller: Caller) -> tuple[bool, ...]:
        """What conditions on `kms:GranteePrincipal` say of a grant to this caller."""
        said = []
        for blocks in self.model.blocks.values():
            for block in blocks:
                values = self.model.variables[block.variable].values
                for bit, context in enumerate(values if block.condition.key == "kms:granteeprincipal" else ()):
                    if context["kms:granteeprincipal"] == caller.arn:
                        said.append(bool(block.must >> bit & 1))
        return tuple(said)

    def alike(self) -> Iterator[Alike]:
        """The covered operations that the key can perform; those that nothing tells apart together."""
        groups = [operations.mask_possible_on(self.key)]
        for told in self._telling():
            groups = [part for group in groups for part in (group & told, group & ~told) if part]
        for group in sorted(groups, key=_first):
            ops = operations.of_mask(group)
            if rule := self.boundary.rule_for(ops[0].name):
                yield ops, rule

    def _telling(self) -> Iterator[int]:
        """What tells operations apart, each as the mask of those that have it."""
        yield operations.CROSS_ACCOUNT
        yield operations.ALLOWED_BY_KEY_POLICY
        for rule in self.boundary.rules:
            yield rule.mask
        for statement in self.statements:
            if statement.action:
                yield applies.mask(statement.action)
        for variable in self.model.variables:
            for name in variable.names:
                yield applies.carrying(name, self.facts)

    def direct(self, op: Operation, outside: Networks, *, certain: bool) -> Iterator[Solution]:
        """For each route, the first request of this operation that gets through from outside."""
        if op.name in operations.NOT_ALLOWED_BY_KEY_POLICY:
            return
        routes: set[Route] = set()
        allows = [s for s in self.statements if s.allows and op.name in self.actions[s.ref.index]]
        for caller in self.gravest:
            for allow in allows:
                sure, route = self.names[caller.text, allow.ref.index]
                if route in routes or sure is Sure.NO or (certain and sure is not Sure.YES):
                    continue
                if certain and self.about[allow.ref.index] is not Sure.YES:
                    continue
                if solution := self.through(op, allow, caller, outside, certain=certain):
                    routes.add(route)
                    yield solution

    def _gravity(self, caller: Caller) -> int:
        if caller.account == self.owner or caller.is_service:
            return 2
        return 1 if caller.account in self.named_accounts else 0

    def through(
        self, op: Operation, allow: Statement | None, caller: Caller, outside: Networks | None, *, certain: bool
    ) -> Solution | None:
        """A request of this caller that `allow` lets through and no `Deny` stops; from outside, if that is given."""
        if allow and not op.cross_account and not caller.is_service and caller.account != self.owner:
            return None
        return self.come_from(origins_of(caller), op, allow, caller, outside, certain=certain)

    def come_from(
        self,
        origins: Iterable[Origin],
        op: Operation,
        allow: Statement | None,
        caller: Caller,
        outside: Networks | None,
        *,
        certain: bool,
    ) -> Solution | None:
        """The same, by one of some ways to reach KMS; without `allow`, a request that no `Deny` stops."""
        for origin in origins:
            if outside is not None and is_exempt(caller, origin, self.owner, self.boundary):
                continue
            situation = Situation(caller, origin, op.name, self.facts, outside, self.key.arn)
            if found := self.solve(situation, allow, self.model.domains(situation, certain=certain), certain=certain):
                return found
        return None

    def solve(
        self, situation: Situation, allow: Statement | None, domains: list[int], *, certain: bool
    ) -> Solution | None:
        """A choice of values in `domains` with which `allow` applies and no `Deny` does."""
        for block in self.model.blocks[allow.ref.index] if allow else ():
            domains[block.variable] &= block.must if certain else block.may
        denies = self._denies(situation, certain=certain)
        picked = solve(domains, [self._clause(deny, certain=certain) for deny in denies], self.budget)
        if picked is None:
            return None
        route = self.names[situation.caller.text, allow.ref.index][1] if allow else Route.GRANT
        relevant = [s for s in self.statements if situation.operation in self.actions[s.ref.index]]
        return witness.Solution(situation, allow, route, tuple(picked), self.model, relevant, self.names, self.about)

    def _denies(self, situation: Situation, *, certain: bool) -> Sequence[Statement]:
        """The `Deny` statements that could stop the request: with doubt, those that certainly could."""
        enough = Sure.PERHAPS if certain else Sure.YES
        return [
            s
            for s in self.statements
            if not s.allows
            and situation.operation in self.actions[s.ref.index]
            and min(self.about[s.ref.index], self.names[situation.caller.text, s.ref.index][0]) >= enough
        ]

    def _clause(self, deny: Statement, *, certain: bool) -> list[tuple[int, int]]:
        """The ways in which a `Deny` does not apply: one of its conditions is false."""
        applies_to: dict[int, int] = {}
        for block in self.model.blocks[deny.ref.index]:
            mask = block.may if certain else block.must
            applies_to[block.variable] = applies_to.get(block.variable, mask) & mask
        return [(variable, ~mask) for variable, mask in applies_to.items()]
