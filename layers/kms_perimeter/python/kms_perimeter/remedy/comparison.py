"""Two policies in one search: which requests get through the present policy and not through the new one.

The statements of both stand in one model, so that a request is one choice of values for both. A statement that stands
in both is the same to both: what AWS leaves unsettled of it can take nothing from anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter.policy import applies, context_keys, evaluator, operations, witness
from kms_perimeter.policy.applies import Sure
from kms_perimeter.policy.budget import Budget
from kms_perimeter.policy.document import KeyPolicy
from kms_perimeter.policy.escape import NOBODYS_ACCOUNT, STEPS
from kms_perimeter.policy.origins import Situation, is_exempt, origins_of
from kms_perimeter.policy.principal import Form
from kms_perimeter.policy.record import replace
from kms_perimeter.policy.request import Route, StatementRef
from kms_perimeter.policy.search import Search
from kms_perimeter.policy.solver import solve
from kms_perimeter.remedy import inside, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.policy.boundary import Boundary, Networks
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import Statement
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.operations import Operation
    from kms_perimeter.policy.request import Request

    Found = tuple[Request, bool]
    """A request, and whether it is the use of a grant."""

_NOWHERE = StatementRef(-1, None)


@dataclass(frozen=True, slots=True)
class Lost:
    """A request from inside that the present policy lets through and the new one does not.

    Attributes:
        situation: who sends it, and how it reaches KMS.
        operations: the operations that it could be for.
        covered: whether a rule of the perimeter covers the operations.
        request: the request itself.
        by_grant: whether it is the use of a grant.
        needs_iam: whether the new policy still lets it through, if an IAM policy allows it too.
    """

    situation: Situation
    operations: tuple[str, ...]
    covered: bool
    request: Request
    by_grant: bool
    needs_iam: bool


class Comparison:
    """The present policy and the new one, and the search over both.

    Args:
        before: the present policy.
        after: the new one.
        key: the key; its account must be known.
        boundary: what counts as inside.

    Raises:
        BoundReached: taking the conditions apart costs more than the search may.
    """

    def __init__(self, before: KeyPolicy, after: KeyPolicy, key: Key, boundary: Boundary) -> None:
        self._before, self._after, self._key, self._boundary = before, after, key, boundary
        has_variables = before.has_variables or after.has_variables
        old, new = (plain.statements(policy, has_variables=has_variables) for policy in (before, after))
        moved = tuple(replace(s, ref=StatementRef(s.ref.index + len(old), s.ref.sid)) for s in new)
        self._merged = KeyPolicy((*old, *moved), has_variables, {})
        self._first_new = len(old)
        self._kept = _kept(self._merged.statements, len(old))
        self._owner = key.account or NOBODYS_ACCOUNT
        self._whole = applies.identified(self._merged, key, self._owner)

    def losses(self, *, certain: bool) -> Iterator[Lost]:
        """Requests that are lost; with `certain`, for sure, else those too that hang on what AWS leaves unsettled.

        Raises:
            BoundReached: the search may take no more steps.
        """
        run = Search(self._merged, self._key, self._whole, self._boundary, Budget(STEPS))
        yield from self._losses(run, [c for c in run.callers if not c.is_service], certain=certain)
        served = {p.value for s in run.statements for p in s.principal.principals if p.form is Form.SERVICE}
        if served:
            # A perimeter that trusts services has none among the callers of its search for escapes.
            unserved = replace(self._boundary, services_trusted=False)
            run = Search(self._merged, self._key, self._whole, unserved, Budget(STEPS))
            yield from self._losses(run, [c for c in run.callers if c.text in served], certain=certain)

    def _losses(self, run: Search, callers: list[Caller], *, certain: bool) -> Iterator[Lost]:
        for alike, networks in self._alike(run):
            op = alike[0]
            for caller in callers:
                if not op.cross_account and not caller.is_service and caller.account != self._owner:
                    continue
                for origin in origins_of(caller):
                    situation = Situation(caller, origin, op.name, run.facts, None, run.key.arn)
                    free = is_exempt(caller, origin, self._owner, self._boundary)
                    if found := self._lost(run, situation, None if free else networks, certain=certain):
                        request, by_grant = found
                        named, covered = tuple(o.name for o in alike), networks is not None
                        needs_iam = certain and not by_grant and self._passes(request)
                        yield Lost(situation, named, covered, request, by_grant, needs_iam)

    def _alike(self, run: Search) -> list[tuple[list[Operation], Networks | None]]:
        """Operations that nothing tells apart, with the networks that their rule approves."""
        keys = [name for variable in run.model.variables for name in variable.names]
        groups: dict[tuple[object, ...], tuple[list[Operation], Networks | None]] = {}
        for op in operations.possible_on(self._key):
            if op.name in operations.NOT_ALLOWED_BY_KEY_POLICY:
                continue
            rule = self._boundary.rule_for(op.name)
            about = tuple(op.name in actions for actions in run.actions.values())
            carried = tuple(context_keys.exists_for(name, op.name, run.facts) for name in keys)
            networks = rule.networks if rule else None
            told = (about, carried, networks, op.cross_account, op.grantable)
            groups.setdefault(told, ([], networks))[0].append(op)
        return list(groups.values())

    def _lost(self, run: Search, situation: Situation, networks: Networks | None, *, certain: bool) -> Found | None:
        about = [s for s in run.statements if situation.operation in run.actions[s.ref.index]]
        weighing = _Weighing(run, situation, about, self._first_new, self._kept, certain=certain)
        for domains in inside.domains(run.model, situation, networks, certain=certain):
            for allow, picked in weighing.found(domains):
                route = weighing.route(allow) if allow else Route.GRANT
                solution = witness.Solution(
                    situation, allow, route, tuple(picked), run.model, about, run.names, run.about
                )
                request = witness.request(solution)
                if not certain or self._is_confirmed(request, by_grant=allow is None):
                    return request, allow is None
        return None

    def _is_confirmed(self, request: Request, *, by_grant: bool) -> bool:
        """Whether the plain evaluator says the same of the request."""
        before, after = (evaluator.evaluate(policy, request, self._whole) for policy in (self._before, self._after))
        if by_grant:
            return before.decision != evaluator.EXPLICIT_DENY and after.decision == evaluator.EXPLICIT_DENY
        return before.decision == evaluator.ALLOWED and (after.decision, after.route) != (before.decision, before.route)

    def _passes(self, request: Request) -> bool:
        return evaluator.evaluate(self._after, request, self._whole).decision == evaluator.ALLOWED


class _Weighing:
    """One situation, and what each side's statements say in it."""

    def __init__(
        self,
        run: Search,
        situation: Situation,
        about: list[Statement],
        first_new: int,
        kept: frozenset[int],
        *,
        certain: bool,
    ) -> None:
        self._run, self._situation, self._certain = run, situation, certain
        old = [s for s in about if s.ref.index < first_new]
        new = [s for s in about if s.ref.index >= first_new]
        # What speaks for a loss counts where it is sure enough, what speaks against it where it cannot be ruled out.
        self._allows = [s for s in old if s.allows and self._counts(s, for_loss=True)]
        self._gone = [s for s in self._allows if s.ref.index not in kept]
        self._added = [s for s in new if not s.allows and s.ref.index not in kept and self._counts(s, for_loss=True)]
        self._denied = [self._fails(s) for s in old if not s.allows and self._counts(s, for_loss=False)]
        self._allowing = [s for s in new if s.allows and self._counts(s, for_loss=False)]

    def found(self, domains: list[int]) -> Iterator[tuple[Statement | None, list[int]]]:
        """Choices with which a request is lost, with the `Allow` that let it through; None for the use of a grant."""
        for allow in self._allows:
            for deny in self._added:
                if (picked := self._solve(self._with(self._with(domains, allow), deny), self._denied)) is not None:
                    yield allow, picked
        for as_good in (False, True):
            for allow in self._gone:
                allowing = [s for s in self._allowing if not as_good or self._is_as_good(s, allow)]
                against = [*self._denied, *(self._fails(s) for s in allowing)]
                if (picked := self._solve(self._with(domains, allow), against)) is not None:
                    yield allow, picked
        if operations.OPERATIONS[self._situation.operation].grantable and not self._situation.caller.is_service:
            for deny in self._added:
                if (picked := self._solve(self._with(domains, deny), self._denied)) is not None:
                    yield None, picked

    def route(self, allow: Statement) -> Route:
        """By what route an `Allow` lets the caller in."""
        return self._run.names[self._situation.caller.text, allow.ref.index][1]

    def _is_as_good(self, allow: Statement, as_that: Statement) -> bool:
        """Whether an `Allow` needs no IAM policy where that one needs none."""
        return self.route(as_that) is Route.IAM or self.route(allow) is Route.KEY_POLICY

    def _counts(self, statement: Statement, *, for_loss: bool) -> bool:
        index = statement.ref.index
        sure = min(self._run.about[index], self._run.names[self._situation.caller.text, index][0])
        return sure >= (Sure.YES if for_loss is self._certain else Sure.PERHAPS)

    def _with(self, domains: list[int], statement: Statement) -> list[int]:
        """The choices with which a statement applies."""
        narrowed = domains.copy()
        for block in self._run.model.blocks[statement.ref.index]:
            narrowed[block.variable] &= block.must if self._certain else block.may
        return narrowed

    def _fails(self, statement: Statement) -> list[tuple[int, int]]:
        """The ways in which a statement does not apply: one of its conditions is false."""
        masks: dict[int, int] = {}
        for block in self._run.model.blocks[statement.ref.index]:
            mask = block.may if self._certain else block.must
            masks[block.variable] = masks.get(block.variable, mask) & mask
        return [(variable, ~mask) for variable, mask in masks.items()]

    def _solve(self, domains: list[int], clauses: list[list[tuple[int, int]]]) -> list[int] | None:
        return solve(domains.copy(), clauses, self._run.budget)


def _kept(statements: tuple[Statement, ...], first_new: int) -> frozenset[int]:
    """The places of the statements that stand in both policies, whatever their Sids."""
    bare = [replace(statement, ref=_NOWHERE) for statement in statements]
    both = set(bare[:first_new]) & set(bare[first_new:])
    return frozenset(place for place, statement in enumerate(bare) if statement in both)
