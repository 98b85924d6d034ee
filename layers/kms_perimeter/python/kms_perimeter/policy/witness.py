"""An escape as a person is shown it: a whole request with real-looking values, and one sentence that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy import context_keys
from kms_perimeter.policy.applies import Sure
from kms_perimeter.policy.context_keys import Kind
from kms_perimeter.policy.domains import DOMAINS
from kms_perimeter.policy.origins import Origin
from kms_perimeter.policy.record import record
from kms_perimeter.policy.request import Request, Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kms_perimeter.policy.document import Statement
    from kms_perimeter.policy.model import Block, Model
    from kms_perimeter.policy.origins import Situation, Value

_SHOWN_VALUES = 3


@record
class Solution:
    """A request that was found, still in classes.

    Attributes:
        situation: who, from where, what.
        allow: the statement that lets it through; None for the use of a grant.
        route: how it gets its permission.
        picked: for each variable of the model, the class as a mask of one bit.
        model: the model.
        relevant: the statements about the operation.
        names: whether a statement names a caller, by the text of the one and the index of the other.
        about: whether a statement's `Resource` is this key.
    """

    situation: Situation
    allow: Statement | None
    route: Route
    picked: tuple[int, ...]
    model: Model
    relevant: Sequence[Statement]
    names: Mapping[tuple[str, int], tuple[Sure, Route]]
    about: Mapping[int, Sure]

    def context(self) -> dict[str, Value]:
        """What the variables were chosen to be, by lower-case name."""
        chosen: dict[str, Value] = {}
        for variable, mask in zip(self.model.variables, self.picked, strict=True):
            place = mask.bit_length() - 1
            if place < len(variable.values):
                chosen |= variable.values[place]
        return chosen

    def blocks(self) -> Iterator[Block]:
        """The conditions of the statements about the operation."""
        for statement in self.relevant:
            yield from self.model.blocks[statement.ref.index]


def request(solution: Solution, *, gives: str | None = None, to: str | None = None) -> Request:
    """The request with every condition key that the statements about it ask for, and the one that tells the network."""
    situation = solution.situation
    chosen = solution.context()
    asked = {name for b in solution.blocks() for name in solution.model.variables[b.variable].names}
    spelled = {b.condition.key: b.condition.spelling for b in solution.blocks()}
    context = {_spelling(name, spelled): value for name, value in chosen.items() if name in asked and value is not None}
    context |= {k: v for k, v in _network(situation).items() if k.lower() not in chosen or k.lower() not in asked}
    if gives and "kms:grantoperations" not in asked:
        context["kms:GrantOperations"] = (gives.removeprefix("kms:"),)
    if to and "kms:granteeprincipal" not in asked:
        context["kms:GranteePrincipal"] = to
    return Request(situation.caller.text, situation.operation, situation.resource, context)


def _spelling(name: str, spelled: Mapping[str, str]) -> str:
    """The key as AWS spells it; the part after the colon or slash of a family as the policy does."""
    known = context_keys.find(name)
    if known is None:
        return spelled.get(name, name)
    if known.name[-1] in "/:":
        return known.name + spelled.get(name, name)[len(known.name) :]
    return known.name


def _network(situation: Situation) -> dict[str, str]:
    if situation.origin is Origin.INTERNET:
        return {"aws:SourceIp": DOMAINS[Kind.IP].samples[0]}
    if situation.origin is Origin.ON_BEHALF:
        return {"aws:ViaAWSService": "true"}
    if situation.origin is Origin.SERVICE:
        return {"aws:PrincipalIsAWSService": "true"}
    return {name: _unapproved(situation, kind) for name, kind in _ENDPOINT.items()}


_ENDPOINT = {"aws:SourceVpce": Kind.VPCE, "aws:SourceVpc": Kind.VPC}


def _unapproved(situation: Situation, kind: Kind) -> str:
    outside = situation.outside
    approved = (outside.vpc_endpoints | outside.vpcs) if outside else frozenset()
    return DOMAINS[kind].fresh(approved)


GIVING = frozenset({"kms:grantoperations", "kms:granteeprincipal"})
"""The condition keys by which a policy can ask what a grant gives, and to whom."""


def giving(operation: str, use: Solution, model: Model, domains: list[int]) -> list[int]:
    """The domains of a `kms:CreateGrant` request narrowed to those that give `operation` to the one who uses it."""
    narrowed = domains.copy()
    wanted = operation.removeprefix("kms:")
    for place, variable in enumerate(model.variables):
        if GIVING.isdisjoint(variable.names):
            continue
        mask = variable.unknown
        for bit, context in enumerate(variable.values):
            listed = context.get("kms:grantoperations", (wanted,)) or ()
            grantee = context.get("kms:granteeprincipal", use.situation.caller.arn)
            if wanted in listed and grantee == use.situation.caller.arn:
                mask |= 1 << bit
        narrowed[place] &= mask
    return narrowed


def notes(solution: Solution) -> list[str]:
    """What is not settled about a request that may or may not get through."""
    found: list[str] = []
    for statement in solution.relevant:
        where = _where(statement)
        sure = solution.names[solution.situation.caller.text, statement.ref.index][0]
        if solution.about[statement.ref.index] is Sure.PERHAPS:
            found.append(f"{where}: it names a key that may or may not be this one")
        if sure is Sure.PERHAPS:
            found.append(f"{where}: whether its principals include `{solution.situation.caller.text}` is not settled")
        blocks = solution.model.blocks[statement.ref.index]
        found += [f"{where}: {note}" for block in blocks if (note := _unsettled(solution, block))]
    return found


def _unsettled(solution: Solution, block: Block) -> str | None:
    """Why it is not settled whether the condition is true of the request, where it is not."""
    picked, unknown = solution.picked[block.variable], solution.model.variables[block.variable].unknown
    if solution.situation.is_open(block.condition.key) and (block.must ^ block.may) & unknown:
        return f"what `{block.condition.spelling}` says where an AWS service acts for itself is not documented"
    if picked & block.may and not picked & block.must:
        return block.note or f"the values of `{block.condition.spelling}` are too many to tell apart"
    return None


def _where(statement: Statement) -> str:
    sid = f" (`{statement.ref.sid}`)" if statement.ref.sid else ""
    return f"statement {statement.ref.index}{sid}"


def why(solution: Solution) -> tuple[str, str]:
    """One sentence, the operation's name left out between its two parts.

    It says which statement lets the request through, and why no `Deny` about the operation stops it.
    """
    assert solution.allow is not None  # noqa: S101  (INVARIANT: the use of a grant is told by `why_grant`)
    account = solution.situation.caller.account
    how = {
        Route.KEY_POLICY: "names the caller and allows",
        Route.IAM: f"leaves it to the IAM policies of account {account}, one of which may allow",
    }[solution.route]
    return f"{_where(solution.allow)} {how}", f"{_from(solution.situation)}{_denies(solution)}"


def _from(situation: Situation) -> str:
    return {
        Origin.INTERNET: "from the internet",
        Origin.ENDPOINT: "from a VPC endpoint that is not approved",
        Origin.ON_BEHALF: "through an AWS service",
        Origin.SERVICE: "to an AWS service",
    }[situation.origin]


def _denies(solution: Solution) -> str:
    reasons = [f"{_where(s)} does not stop it: {_not_stopped(s, solution)}" for s in solution.relevant if not s.allows]
    return "".join(f"; {reason}" for reason in reasons) or "; no `Deny` is about it"


def _not_stopped(deny: Statement, solution: Solution) -> str:
    if solution.names[solution.situation.caller.text, deny.ref.index][0] is Sure.NO:
        return "it is not about this caller"
    chosen = solution.context()
    for block in solution.model.blocks[deny.ref.index]:
        if not solution.picked[block.variable] & block.may:
            return _false(block, chosen)
    return "its resource is not this key"


def _false(block: Block, chosen: Mapping[str, Value]) -> str:
    condition = block.condition
    value = chosen.get(condition.key)
    said = "absent" if value is None else f"`{value if isinstance(value, str) else ', '.join(value)}`"
    values = ", ".join(condition.values[:_SHOWN_VALUES]) + (", …" if len(condition.values) > _SHOWN_VALUES else "")
    return f"`{condition.operator}` `{condition.spelling}` `{values}` is false where the key is {said}"


def why_grant(operation: str, use: Solution, gift: Solution) -> str:
    """One sentence for an operation that a grant gives away."""
    assert gift.allow is not None  # noqa: S101
    return (
        f"{_where(gift.allow)} allows `kms:CreateGrant` {_from(gift.situation)}, and no condition of an `Allow` binds a"
        f" grant on `{operation}`, so its grantee can use the key {_from(use.situation)}{_denies(use)}"
    )
