"""The search for escapes: outside requests that a key policy lets through.

For each operation, caller and origin, an escape is a choice of one class for each condition key such that some `Allow`
applies and no `Deny` does. `solver` makes the choice; this module says between what.

The same question is asked twice. First with everything that AWS leaves unsettled held against the escape: what is
found then is an escape for certain. If nothing is found, once more with everything unsettled held in its favour: what
is found then makes the verdict `undecided`, and only when nothing is found at all is the key `enclosed`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy import applies, context_keys, model, operations, witness
from kms_perimeter.policy.applies import Sure
from kms_perimeter.policy.budget import BoundReached, Budget
from kms_perimeter.policy.callers import TELLING_KEYS, Callers
from kms_perimeter.policy.origins import DIRECT, Origin, Situation, is_exempt, origins_of
from kms_perimeter.policy.request import Route
from kms_perimeter.policy.solver import solve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kms_perimeter.policy.boundary import Boundary, Covered, Networks
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import KeyPolicy, Statement
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.operations import Operation
    from kms_perimeter.policy.request import Request, StatementRef
    from kms_perimeter.policy.witness import Solution

STEPS = 200_000
NOBODYS_ACCOUNT = "111122223333"
_CREATE_GRANT = operations.OPERATIONS["kms:CreateGrant"]


@dataclass(frozen=True, slots=True)
class Escape:
    """An outside request that the key policy lets through.

    Attributes:
        operation: the operation, such as ``kms:Decrypt``.
        rule: name of the perimeter's rule that covers the operation.
        route: how the request gets its permission.
        statement: the `Allow` statement that decides.
        request: the counterexample itself.
        why: one sentence for a person.
        grant: for the route ``grant``, the outside `kms:CreateGrant` request that gives the operation away.
    """

    operation: str
    rule: str
    route: Route
    statement: StatementRef
    request: Request
    why: str
    grant: Request | None = None

    def to_json(self) -> dict[str, Any]:
        """The escape as the contract prints it."""
        printed = {
            "operation": self.operation,
            "rule": self.rule,
            "route": self.route.value,
            "statement": self.statement.to_json(),
            "request": self.request.to_json(),
            "why": self.why,
        }
        return printed | ({"grant": self.grant.to_json()} if self.grant else {})


@dataclass(slots=True)
class Found:
    """What the search found.

    Attributes:
        escapes: the certain ones, one for each operation and route.
        unsettled: why the answer is undecided, where it is: one reason for each thing that is not settled.
        given_away: the `Allow` statement of `kms:CreateGrant` by which somebody inside can give covered operations
            away that no `Deny` binds; None where nobody can.
        key: the key with its ARN completed, which the requests are about.
        given_through_services: whether only use through AWS services can be given away so, to strangers.
        changeable: whether somebody of the key's account can still change the policy; None where that was not found
            out.
    """

    key: Key
    escapes: list[Escape] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    given_away: StatementRef | None = None
    given_through_services: bool = False
    changeable: bool | None = None


def search(policy: KeyPolicy, key: Key, boundary: Boundary, *, steps: int = STEPS) -> Found:
    """Every escape of a policy: one for each operation and each route.

    Args:
        policy: the key policy.
        key: what is known of the key; its account should be among it.
        boundary: what counts as inside.
        steps: the bound on the search.
    """
    owner = key.account or NOBODYS_ACCOUNT
    found = Found(applies.identified(policy, key, owner))
    try:
        _Search(policy, key, found, boundary, Budget(steps)).run()
    except BoundReached:
        found.unsettled.append("the search reached its bound before it had tried everything")
    return found


def _for(op: Operation, solution: Solution) -> Solution:
    """The same request for another operation."""
    return replace(solution, situation=replace(solution.situation, operation=op.name))


class _Search:
    """One search: the statements that matter, who could ask, and the model of the conditions."""

    def __init__(self, policy: KeyPolicy, given: Key, found: Found, boundary: Boundary, budget: Budget) -> None:
        self.key, self.found, self.boundary, self.budget = found.key, found, boundary, budget
        self.facts = replace(given, account=found.key.account)
        self.owner = str(found.key.account)
        budget.spend(sum(1 + len(s.conditions) for s in policy.statements))
        self.about: dict[int, Sure] = {
            s.ref.index: applies.to_key(s, self.key, given, has_variables=policy.has_variables)
            for s in policy.statements
            if not s.void
        }
        self.statements = [s for s in policy.statements if self.about.get(s.ref.index, Sure.NO)]
        self.actions = {s.ref.index: applies.operations(s.action) for s in self.statements if s.action}
        everybody = Callers(self.statements, self.owner, self.key.partition, boundary, budget)
        self.callers = everybody.all()
        self.exact = everybody.exact
        facts = model.Facts(self.facts, str(self.key.arn), boundary.approved)
        self.model = model.build(policy, self.statements, self.callers, facts, budget)
        named = {s.ref.index: applies.Named(s.principal) for s in self.statements}
        budget.spend(len(self.callers) * len(named))
        self.names = {(c, index): names.caller(c) for c in self.callers for index, names in named.items()}
        self.named_accounts = {p.account for s in self.statements for p in s.principal.principals}
        self.callers = self._told_apart()

    def _told_apart(self) -> list[Caller]:
        """One caller of each kind: those that no statement treats differently are the same to the search."""
        seen: dict[tuple[object, ...], Caller] = {}
        for caller in self.callers:
            situation = Situation(caller, origins_of(caller)[0], _CREATE_GRANT.name, self.facts, None, None)
            told = tuple(v.mask(situation) for v in self.model.variables if not TELLING_KEYS.isdisjoint(v.names))
            named = tuple(self.names[caller, s.ref.index] for s in self.statements)
            exempt = tuple(is_exempt(caller, o, self.owner, self.boundary) for o in origins_of(caller))
            given = self._as_grantee(caller)
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

    def run(self) -> None:
        """Fill in what is found."""
        left: list[tuple[Operation, Covered]] = []
        told: dict[str, list[Escape]] = {}
        for alike in self._alike():
            first, rule = alike[0]
            direct = list(self._direct(first, rule.networks, certain=True))
            for op, covering in alike:
                told[op.name] = [self._tell(_for(op, solution), covering.name) for solution in direct]
            left += [] if direct else alike
        for op, rule in left:
            if op.grantable:
                told[op.name] += self._grants(op, rule.name, rule.networks)
        self.found.escapes = [escape for op in operations.OPERATIONS for escape in told.get(op, ())]
        if not self.found.escapes:
            self._unsettled(left)
            if left and not self.exact:
                self.found.unsettled.append("the callers that its conditions tell apart are too many to try them all")
        self.found.changeable = self._changeable()

    def _alike(self) -> list[list[tuple[Operation, Covered]]]:
        """The covered operations that the key can perform; those that nothing tells apart together."""
        keys = [name for variable in self.model.variables for name in variable.names]
        groups: dict[tuple[object, ...], list[tuple[Operation, Covered]]] = {}
        for op in operations.possible_on(self.key):
            if rule := self.boundary.rule_for(op.name):
                about = tuple(op.name in actions for actions in self.actions.values())
                carried = tuple(context_keys.exists_for(name, op.name, self.facts) for name in keys)
                told = (
                    about,
                    carried,
                    rule.networks,
                    op.cross_account,
                    op.name in operations.NOT_ALLOWED_BY_KEY_POLICY,
                )
                groups.setdefault(told, []).append((op, rule))
        return list(groups.values())

    def _changeable(self) -> bool:
        put = operations.OPERATIONS["kms:PutKeyPolicy"]
        return any(
            self._through(put, allow, caller, None, certain=False)
            for allow in self.statements
            if allow.allows and put.name in self.actions[allow.ref.index]
            for caller in self.callers
            if self.names[caller, allow.ref.index][0]
        )

    def _unsettled(self, left: Iterable[tuple[Operation, Covered]]) -> None:
        for op, rule in left:
            for solution in self._direct(op, rule.networks, certain=False):
                self._doubt(solution)
            creators = self.boundary.networks_for(_CREATE_GRANT.name)
            for use in self._uses(op, rule.networks, certain=False) if op.grantable else ():
                for gift in self._gifts(op, use, creators, certain=False):
                    self._doubt(use)
                    self._doubt(gift)
                    break

    def _doubt(self, solution: Solution) -> None:
        for note in witness.notes(solution):
            if note not in self.found.unsettled:
                self.found.unsettled.append(note)

    def _direct(self, op: Operation, outside: Networks, *, certain: bool) -> Iterator[Solution]:
        """For each route, the first request of this operation that gets through from outside."""
        if op.name in operations.NOT_ALLOWED_BY_KEY_POLICY:
            return
        routes: set[Route] = set()
        allows = [s for s in self.statements if s.allows and op.name in self.actions[s.ref.index]]
        # The gravest witness is told: somebody of an account that nobody named, before anybody else.
        for caller in sorted(self.callers, key=self._gravity):
            for allow in allows:
                sure, route = self.names[caller, allow.ref.index]
                if route in routes or sure is Sure.NO or (certain and sure is not Sure.YES):
                    continue
                if certain and self.about[allow.ref.index] is not Sure.YES:
                    continue
                if solution := self._through(op, allow, caller, outside, certain=certain):
                    routes.add(route)
                    yield solution

    def _gravity(self, caller: Caller) -> int:
        if caller.account == self.owner or caller.is_service:
            return 2
        return 1 if caller.account in self.named_accounts else 0

    def _through(
        self, op: Operation, allow: Statement | None, caller: Caller, outside: Networks | None, *, certain: bool
    ) -> Solution | None:
        """A request of this caller that `allow` lets through and no `Deny` stops; from outside, if that is given."""
        if allow and not op.cross_account and not caller.is_service and caller.account != self.owner:
            return None
        return self._from(origins_of(caller), op, allow, caller, outside, certain=certain)

    def _from(
        self,
        origins: Iterable[Origin],
        op: Operation,
        allow: Statement | None,
        caller: Caller,
        outside: Networks | None,
        *,
        certain: bool,
    ) -> Solution | None:
        for origin in origins:
            if outside is not None and is_exempt(caller, origin, self.owner, self.boundary):
                continue
            situation = Situation(caller, origin, op.name, self.facts, outside, self.key.arn)
            if found := self._solve(situation, allow, self.model.domains(situation), certain=certain):
                return found
        return None

    def _solve(
        self, situation: Situation, allow: Statement | None, domains: list[int], *, certain: bool
    ) -> Solution | None:
        variables = self.model.variables
        if not certain:
            domains = [d if v.exact else d | v.unknown for d, v in zip(domains, variables, strict=True)]
        for block in self.model.blocks[allow.ref.index] if allow else ():
            domains[block.variable] &= block.must if certain else block.may
        denies = self._denies(situation, certain=certain)
        picked = solve(domains, [self._clause(deny, certain=certain) for deny in denies], self.budget)
        if picked is None:
            return None
        route = self.names[situation.caller, allow.ref.index][1] if allow else Route.GRANT
        relevant = [s for s in self.statements if situation.operation in self.actions[s.ref.index]]
        return witness.Solution(situation, allow, route, tuple(picked), self.model, relevant, self.names)

    def _denies(self, situation: Situation, *, certain: bool) -> Sequence[Statement]:
        """The `Deny` statements that could stop the request: with doubt, those that certainly could."""
        enough = Sure.PERHAPS if certain else Sure.YES
        return [
            s
            for s in self.statements
            if not s.allows
            and situation.operation in self.actions[s.ref.index]
            and min(self.about[s.ref.index], self.names[situation.caller, s.ref.index][0]) >= enough
        ]

    def _clause(self, deny: Statement, *, certain: bool) -> list[tuple[int, int]]:
        """The ways in which a `Deny` does not apply: one of its conditions is false."""
        applies_to: dict[int, int] = {}
        for block in self.model.blocks[deny.ref.index]:
            mask = block.may if certain else block.must
            applies_to[block.variable] = applies_to.get(block.variable, mask) & mask
        return [(variable, ~mask) for variable, mask in applies_to.items()]

    def _grants(self, op: Operation, rule: str, outside: Networks) -> list[Escape]:
        """An operation that no `Deny` binds can be given away by whoever can create a grant."""
        uses = list(self._uses(op, outside, certain=True))
        creators = self.boundary.networks_for(_CREATE_GRANT.name)
        for use in uses:
            for gift in self._gifts(op, use, creators, certain=True):
                return [self._tell_grant(op, rule, use, gift)]
        if self.found.given_away is None:
            # Use through an AWS service by a stranger whom a grant names: a `Deny` about networks does bind the key,
            # and AWS's own perimeter policies leave this way open, so it is worth saying and no escape.
            for use in uses or self._uses(op, outside, certain=True, origins=(Origin.ON_BEHALF,)):
                inside = next(self._gifts(op, use, None, certain=True), None)
                if inside and inside.allow:
                    self.found.given_away = inside.allow.ref
                    self.found.given_through_services = not uses
                    break
        return []

    def _uses(
        self, op: Operation, outside: Networks, *, certain: bool, origins: tuple[Origin, ...] = DIRECT
    ) -> Iterator[Solution]:
        """Requests from outside that no `Deny` stops, one for each sender: a grant can be given to anybody."""
        for caller in self.callers:
            if caller.is_service:
                continue
            if found := self._from(origins, op, None, caller, outside, certain=certain):
                yield found

    def _gifts(self, op: Operation, use: Solution, outside: Networks | None, *, certain: bool) -> Iterator[Solution]:
        """Requests to `kms:CreateGrant` that give `op` to the one who uses it."""
        for allow in self.statements:
            if not allow.allows or _CREATE_GRANT.name not in self.actions[allow.ref.index]:
                continue
            for caller in self.callers:
                sure, _ = self.names[caller, allow.ref.index]
                if sure is Sure.NO or (certain and sure is not Sure.YES) or caller.is_service:
                    continue
                if found := self._gift(op, allow, caller, use, outside, certain=certain):
                    yield found

    def _gift(
        self,
        op: Operation,
        allow: Statement,
        caller: Caller,
        use: Solution,
        outside: Networks | None,
        *,
        certain: bool,
    ) -> Solution | None:
        for origin in origins_of(caller):
            if outside is not None and is_exempt(caller, origin, self.owner, self.boundary):
                continue
            if outside is None and origin is Origin.ON_BEHALF:
                # A service that creates a grant for its own use hands it to itself, not to a stranger.
                continue
            situation = Situation(caller, origin, _CREATE_GRANT.name, self.facts, outside, self.key.arn)
            domains = witness.giving(op.name, use, self.model, self.model.domains(situation))
            if found := self._solve(situation, allow, domains, certain=certain):
                return found
        return None

    def _tell(self, solution: Solution, rule: str) -> Escape:
        assert solution.allow is not None  # noqa: S101  (INVARIANT: only a grant's use has no `Allow`)
        request = witness.request(solution)
        return Escape(
            solution.situation.operation, rule, solution.route, solution.allow.ref, request, witness.why(solution)
        )

    def _tell_grant(self, op: Operation, rule: str, use: Solution, gift: Solution) -> Escape:
        assert gift.allow is not None  # noqa: S101
        return Escape(
            op.name,
            rule,
            Route.GRANT,
            gift.allow.ref,
            witness.request(use),
            witness.why_grant(op.name, use, gift),
            witness.request(gift, gives=op.name, to=use.situation.caller.arn),
        )
