"""The search for escapes: outside requests that a key policy lets through.

For each operation, caller and origin, an escape is a choice of one class for each condition key such that some `Allow`
applies and no `Deny` does. `solver` makes the choice; this module says between what.

The same question is asked twice. First with everything that AWS leaves unsettled held against the escape: what is
found then is an escape for certain. If nothing is found, once more with everything unsettled held in its favour: what
is found then makes the verdict `undecided`, and only when nothing is found at all is the key `enclosed`.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy import applies, grants, operations, witness
from kms_perimeter.policy.budget import BoundReached, Budget
from kms_perimeter.policy.origins import Origin
from kms_perimeter.policy.record import record, replace
from kms_perimeter.policy.request import Request, Route
from kms_perimeter.policy.search import CREATE_GRANT, Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kms_perimeter.policy.boundary import Boundary, Networks
    from kms_perimeter.policy.document import KeyPolicy
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.operations import Operation
    from kms_perimeter.policy.request import StatementRef
    from kms_perimeter.policy.search import Alike
    from kms_perimeter.policy.witness import Solution

STEPS = 200_000
NOBODYS_ACCOUNT = "111122223333"
_PUT = operations.OPERATIONS["kms:PutKeyPolicy"]
_PLACES = {name: place for place, name in enumerate(operations.OPERATIONS)}
BEYOND = "the search reached its bound before it had tried everything"
UNSETTLED = "the search could not settle whether a request gets through"


@record
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

    __slots__ = ("changeable", "escapes", "given_away", "given_through_services", "key", "unsettled")

    def __init__(self, key: Key, escapes: Iterable[Escape] = ()) -> None:
        self.key = key
        self.escapes = list(escapes)
        self.unsettled: list[str] = []
        self.given_away: StatementRef | None = None
        self.given_through_services = False
        self.changeable: bool | None = None


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
        _fill_in(found, Search(policy, key, found.key, boundary, Budget(steps)))
    except BoundReached:
        # What was found up to here gets through for sure; that nothing else does was not shown.
        found.unsettled.append(BEYOND)
    return found


def _fill_in(found: Found, run: Search) -> None:
    left: list[Alike] = []
    for alike in run.alike():
        ops, rule = alike
        direct = list(run.direct(ops[0], rule.networks, certain=True))
        for solution in direct:
            found.escapes += _tell(solution, alike)
        left += [] if direct else [alike]
    for group in left:
        _give_away(found, run, group)
    found.escapes.sort(key=lambda escape: _PLACES[escape.operation])
    if not found.escapes:
        _doubt_all(found, run, left)
    found.changeable = _changeable(found, run)


def _for(op: Operation, solution: Solution) -> Solution:
    """The same request for another operation."""
    return replace(solution, situation=replace(solution.situation, operation=op.name))


def _changeable(found: Found, run: Search) -> bool | None:
    """Whether somebody can still change the policy; None where that is past the bound, which settles nothing else."""
    if any(escape.operation == _PUT.name and escape.grant is None for escape in found.escapes):
        return True
    try:
        return any(
            run.through(_PUT, allow, caller, None, certain=False)
            for allow in run.statements
            if allow.allows and _PUT.name in run.actions[allow.ref.index]
            for caller in run.callers
            if run.names[caller.text, allow.ref.index][0]
        )
    except BoundReached:
        return None


def _doubt_all(found: Found, run: Search, left: Sequence[Alike]) -> None:
    """Ask once more with everything unsettled in the escape's favour, and note what it then hangs on."""
    creators = run.boundary.networks_for(CREATE_GRANT.name)
    for ops, rule in left:
        for solution in run.direct(ops[0], rule.networks, certain=False):
            _doubt(found, solution)
        grantable = [op for op in ops if op.grantable]
        for use in grants.uses(run, ops[0], rule.networks, certain=False) if grantable else ():
            for op in grantable:
                if gift := next(grants.gifts(run, op, use, creators, certain=False), None):
                    _doubt(found, use, gift)
    if left and not run.exact:
        found.unsettled.append("the callers that its conditions tell apart are too many to try them all")


def _doubt(found: Found, *solutions: Solution) -> None:
    """Note what a request that may get through hangs on; there is always something to say, or it would be certain."""
    notes = [note for solution in solutions for note in witness.notes(solution)] or [UNSETTLED]
    found.unsettled += [note for note in dict.fromkeys(notes) if note not in found.unsettled]


def _give_away(found: Found, run: Search, alike: Alike) -> None:
    """Operations that no `Deny` binds can be given away by whoever can create a grant."""
    ops, rule = alike
    grantable = [op for op in ops if op.grantable]
    if not grantable:
        return
    uses = list(grants.uses(run, grantable[0], rule.networks, certain=True))
    # Use through an AWS service by a stranger whom a grant names: a `Deny` about networks does bind the key, and AWS's
    # own perimeter policies leave this way open, so it is worth saying and no escape.
    behalf = () if uses else tuple(grants.uses(run, grantable[0], rule.networks, certain=True, origins=_ON_BEHALF))
    for op in grantable:
        if given := _given(run, op, uses, run.boundary.networks_for(CREATE_GRANT.name)):
            found.escapes.append(_tell_grant(op, rule.name, *given))
        elif found.given_away is None and (given := _given(run, op, uses or behalf, None)) and given[1].allow:
            found.given_away, found.given_through_services = given[1].allow.ref, not uses


_ON_BEHALF = (Origin.ON_BEHALF,)


def _given(
    run: Search, op: Operation, uses: Iterable[Solution], creators: Networks | None
) -> tuple[Solution, Solution] | None:
    """The first of some uses that somebody can give away, from outside the creators' networks if those are given."""
    for use in uses if run.asks_what_is_given else islice(uses, 1):
        for gift in grants.gifts(run, op, use, creators, certain=True):
            return _for(op, use), gift
    return None


def _tell(solution: Solution, alike: Alike) -> Iterator[Escape]:
    """The same request for each of some operations that nothing tells apart."""
    assert solution.allow is not None  # noqa: S101  (INVARIANT: only a grant's use has no `Allow`)
    by, route, told = solution.allow.ref, solution.route, witness.request(solution)
    how, past = witness.why(solution)
    ops, rule = alike
    for op in ops:
        request = Request(told.principal, op.name, told.resource, told.context)
        yield Escape(op.name, rule.name, route, by, request, f"{how} `{op.name}` {past}")


def _tell_grant(op: Operation, rule: str, use: Solution, gift: Solution) -> Escape:
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
