"""Who could still change a policy: the guard, whatever nobody knows of its requests beforehand; and somebody else.

What is not known of a guard's request is of two kinds. What may differ from call to call, such as its public address
or the time, must not matter. What its role is, such as its tags or its organization, may: AWS KMS asks with the real
values whether "the calling principal" could put the policy again (`PutKeyPolicy`, lockout safety check).
"""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

from kms_perimeter.policy import applies, callers, operations
from kms_perimeter.policy.applies import Sure
from kms_perimeter.policy.budget import BoundReached, Budget
from kms_perimeter.policy.document import Condition, Element, KeyPolicy, PrincipalElement, Statement
from kms_perimeter.policy.escape import NOBODYS_ACCOUNT, STEPS
from kms_perimeter.policy.origins import Origin, Situation
from kms_perimeter.policy.principal import from_arn
from kms_perimeter.policy.record import replace
from kms_perimeter.policy.request import StatementRef
from kms_perimeter.policy.search import Search
from kms_perimeter.policy.solver import solve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.policy.boundary import Boundary
    from kms_perimeter.policy.key import Key
    from kms_perimeter.policy.model import Variable
    from kms_perimeter.policy.operations import Operation
    from kms_perimeter.remedy.model import Standpoint

_PUT = operations.OPERATIONS["kms:PutKeyPolicy"]
NEEDED = (operations.OPERATIONS["kms:GetKeyPolicy"], _PUT)
"""What the guard must be able to do."""
_NO_ACTION = Element(("kms:NoSuchOperation",), negated=False)
_ANY_RESOURCE = Element(("*",), negated=False)
_MOST_ROLES = 64
# A function's credentials are those of a role that Lambda assumes: temporary, and no person's.
_OF_A_FUNCTION: dict[str, str | None] = {
    "aws:principaltype": "AssumedRole",
    "aws:multifactorauthpresent": None,
    "aws:multifactorauthage": None,
    "aws:federatedprovider": None,
    "aws:username": None,
    "aws:assumedroot": None,
    "aws:sourceidentity": None,
    "aws:chatbotsourcearn": None,
    "aws:ec2instancesourcevpc": None,
    "aws:ec2instancesourceprivateipv4": None,
    "ec2:sourceinstancearn": None,
    "ec2:roledelivery": None,
}
_OF_THE_ROLE = (
    "aws:principaltag/",
    "aws:principalorg",
    "aws:userid",
    "aws:rolesessionname",
    "lambda:sourcefunctionarn",
)


def guard_gets_in(policy: KeyPolicy, key: Key, boundary: Boundary, standpoint: Standpoint) -> bool:
    """Whether the guard can read and change the policy from where it stands; False too where that is not settled."""
    caller = callers.from_arn(standpoint.role)
    if caller is None:
        return False
    try:
        run = _search(_naming(policy, standpoint), key, boundary)
        return any(
            not any(_is_stopped(run, op, caller, _narrowed(run, op, caller, standpoint, role)) for op in NEEDED)
            for role in islice(_roles(run), _MOST_ROLES)
        )
    except BoundReached:
        return False


def others(policy: KeyPolicy, key: Key, boundary: Boundary, standpoint: Standpoint | None) -> bool:
    """Whether somebody else than the guard can change the policy, from some network that it admits."""
    try:
        run = _search(policy, key, boundary)
        people = sorted((c for c in run.everybody if not c.is_service), key=lambda c: c.text)
        return any(
            run.through(_PUT, allow, caller, None, certain=True)
            for allow in run.statements
            if allow.allows and _PUT.name in run.actions[allow.ref.index]
            for caller in people
            if not (standpoint and caller.arn == standpoint.role)
            and min(run.names[caller.text, allow.ref.index][0], run.about[allow.ref.index]) is Sure.YES
        )
    except BoundReached:
        return False


def _search(policy: KeyPolicy, key: Key, boundary: Boundary) -> Search:
    whole = applies.identified(policy, key, key.account or NOBODYS_ACCOUNT)
    return Search(policy, key, whole, boundary, Budget(STEPS))


def _naming(policy: KeyPolicy, standpoint: Standpoint) -> KeyPolicy:
    """The policy with a statement without effect that names the guard, so that the search tells it from all others."""
    ref = StatementRef(len(policy.statements), None)
    principal = PrincipalElement((from_arn(standpoint.role),), negated=False)
    said = {"aws:PrincipalType": _OF_A_FUNCTION["aws:principaltype"]} | _network(standpoint)
    conditions = tuple(Condition("StringEquals", key.lower(), key, (str(value),)) for key, value in said.items())
    naming = Statement(ref, True, principal, _NO_ACTION, _ANY_RESOURCE, conditions)  # noqa: FBT003
    return replace(policy, statements=(*policy.statements, naming))


def _network(standpoint: Standpoint) -> dict[str, str | None]:
    if standpoint.vpc_endpoint is None:
        return {}
    return {"aws:SourceVpce": standpoint.vpc_endpoint, "aws:SourceVpc": standpoint.vpc}


def _roles(run: Search) -> Iterator[dict[int, int]]:
    """Everything that the guard's role could be, by variable: as few as the policy can tell apart."""
    places = [n for n, v in enumerate(run.model.variables) if all(name.startswith(_OF_THE_ROLE) for name in v.names)]
    bits = [[1 << bit for bit in range(len(run.model.variables[place].values))] for place in places]
    for chosen in product(*bits):
        yield dict(zip(places, chosen, strict=True))


def _narrowed(
    run: Search, op: Operation, caller: callers.Caller, standpoint: Standpoint, role: dict[int, int]
) -> tuple[Situation, list[int]]:
    """The guard's situation, and what its request can say in it."""
    origin = Origin.ENDPOINT if standpoint.vpc_endpoint else Origin.INTERNET
    situation = Situation(caller, origin, op.name, run.facts, None, run.key.arn)
    found = run.model.domains(situation, certain=False)
    for place, variable in enumerate(run.model.variables):
        found[place] &= _known(variable, standpoint)
        found[place] &= role.get(place, found[place])
    return situation, found


def _known(variable: Variable, standpoint: Standpoint) -> int:
    """The classes in which the keys that are known of a function have the value that they have."""
    said = _OF_A_FUNCTION | {name.lower(): value for name, value in _network(standpoint).items()}
    mask = 0
    for bit, context in enumerate(variable.values):
        if all(said.get(name, value) == value for name, value in context.items()):
            mask |= 1 << bit
    return mask | (0 if mask and said.keys() & set(variable.names) else variable.unknown)


def _is_stopped(run: Search, op: Operation, caller: callers.Caller, given: tuple[Situation, list[int]]) -> bool:
    """Whether some request of the guard could be denied, or allowed by nothing."""
    situation, domains = given
    if not all(domains):
        return True
    about = [s for s in run.statements if op.name in run.actions[s.ref.index]]
    for deny in (s for s in about if not s.allows and _names(run, s, caller) is not Sure.NO):
        denied = domains.copy()
        for block in run.model.blocks[deny.ref.index]:
            denied[block.variable] &= block.may
        if solve(denied, [], run.budget) is not None:
            return True
    allowing = [s for s in about if s.allows and _names(run, s, situation.caller) is Sure.YES]
    failing = [[(b.variable, ~b.must) for b in run.model.blocks[s.ref.index]] for s in allowing]
    return solve(domains.copy(), failing, run.budget) is not None


def _names(run: Search, statement: Statement, caller: callers.Caller) -> Sure:
    return min(run.names[caller.text, statement.ref.index][0], run.about[statement.ref.index])
