"""What must be shown of a new policy before it may be put, each a sentence for a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter.perimeter import Strategy
from kms_perimeter.policy import document
from kms_perimeter.policy.budget import BoundReached
from kms_perimeter.remedy import access, losses
from kms_perimeter.remedy.comparison import Comparison
from kms_perimeter.remedy.model import Proof, ProofCode
from kms_perimeter.verdict import Outcome, boundary_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.boundary import Boundary
    from kms_perimeter.policy.document import KeyPolicy
    from kms_perimeter.policy.key import Key
    from kms_perimeter.remedy.comparison import Lost
    from kms_perimeter.remedy.model import Standpoint
    from kms_perimeter.verdict import Verdict

MOST_BYTES = 32_768
"""*Resource quotas* in the AWS KMS Developer Guide: the size of a key policy document."""
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}\Z")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """A new policy, and what it is to be proved with.

    Attributes:
        before: the present policy.
        text: the new policy as it would be put.
        again: the new policy planned once more, with the new policy as the present one.
        verdict: what is said of the new policy.
        strategy: how it was made.
        key: the key; its account must be known.
        perimeter: the perimeter.
        standpoint: who puts policies and from where, or None where nobody does (the command line).
        service_grants: whom the key's grants to AWS services name.
    """

    before: str
    text: str
    again: str
    verdict: Verdict
    strategy: Strategy
    key: Key
    perimeter: Perimeter
    standpoint: Standpoint | None
    service_grants: Sequence[str]


def prove(proposal: Proposal) -> tuple[tuple[Proof, ...], tuple[str, ...]]:
    """Every proof, in order, and what is lost."""
    policy, boundary = document.parse(proposal.text), boundary_of(proposal.perimeter)
    taken = _taken(proposal, policy, boundary)
    proofs = (
        _enclosed(proposal.verdict),
        _nothing_lost(taken, proposal.strategy),
        *(() if proposal.standpoint is None else (_guard(policy, proposal.key, boundary, proposal.standpoint),)),
        _others(policy, proposal.key, boundary, proposal.standpoint),
        _services(taken, proposal.strategy, boundary),
        _size(proposal.text),
        _principals(policy),
        _same_again(proposal),
        _grants(proposal.service_grants, proposal.perimeter),
    )
    return proofs, taken.sentences


def _shown(code: ProofCode, sentence: str, *, binding: bool = True) -> Proof:
    return Proof(code, holds=True, sentence=sentence, binding=binding)


def _failed(code: ProofCode, sentence: str, *, binding: bool = True) -> Proof:
    return Proof(code, holds=False, sentence=sentence, binding=binding)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is lost; `doubt` says what could not be shown."""

    lost: tuple[Lost, ...]
    sentences: tuple[str, ...]
    doubt: str | None


def _taken(proposal: Proposal, policy: KeyPolicy, boundary: Boundary) -> _Taken:
    present = document.parse(proposal.before)
    try:
        compared = Comparison(present, policy, proposal.key, boundary)
        lost = tuple(compared.losses(certain=True))
        doubt = None if lost or not any(compared.losses(certain=False)) else "what the policy says is not settled"
    except BoundReached:
        lost, doubt = (), "the search reached its bound"
    return _Taken(lost, losses.sentences(lost, present, str(proposal.key.account)), doubt)


def _enclosed(verdict: Verdict) -> Proof:
    if verdict.outcome is Outcome.ENCLOSED:
        return _shown(ProofCode.ENCLOSED, "the new policy is enclosed")
    why = verdict.reason or verdict.escapes[0].why
    return _failed(ProofCode.ENCLOSED, f"the new policy would not be enclosed: {why}")


def _nothing_lost(taken: _Taken, strategy: Strategy) -> Proof:
    binding = strategy is Strategy.GUARD
    if taken.lost:
        rest = len(taken.sentences) - _SHOWN
        said = "; ".join(taken.sentences[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
        return _failed(ProofCode.NOTHING_LOST, f"inside the perimeter, {said}", binding=binding)
    if taken.doubt:
        said = f"it could not be shown that nobody inside the perimeter loses anything: {taken.doubt}"
        return _failed(ProofCode.NOTHING_LOST, said, binding=binding)
    return _shown(ProofCode.NOTHING_LOST, "nobody inside the perimeter loses anything", binding=binding)


def _guard(policy: KeyPolicy, key: Key, boundary: Boundary, standpoint: Standpoint) -> Proof:
    holds = access.guard_gets_in(policy, key, boundary, standpoint)
    could = "can" if holds else "could not"
    said = f"the guard {could} change the new policy again from where it runs ({standpoint})"
    return Proof(ProofCode.GUARD_GETS_IN, holds, said)


def _others(policy: KeyPolicy, key: Key, boundary: Boundary, standpoint: Standpoint | None) -> Proof:
    if access.others(policy, key, boundary, standpoint):
        return _shown(ProofCode.OTHER_ADMINISTRATOR, "somebody else can change the new policy too")
    who = "the guard" if standpoint and access.guard_gets_in(policy, key, boundary, standpoint) else "AWS Support"
    said = f"nobody but {who} could change the new policy again"
    return _failed(ProofCode.OTHER_ADMINISTRATOR, said)


def _services(taken: _Taken, strategy: Strategy, boundary: Boundary) -> Proof:
    code, binding = ProofCode.SERVICES_KEEP_THEIR_WAY, strategy is Strategy.GUARD
    if not boundary.services_trusted:
        return _shown(code, "the perimeter counts what AWS services do as outside", binding=binding)
    if any(map(losses.by_services, taken.lost)):
        said = "AWS services could no longer use the key in ways in which they can now"
        return _failed(code, said, binding=binding)
    if taken.doubt:
        said = f"it could not be shown that AWS services keep their way: {taken.doubt}"
        return _failed(code, said, binding=binding)
    return _shown(code, "AWS services can do what they can now", binding=binding)


def _size(text: str) -> Proof:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size <= MOST_BYTES:
        return _shown(ProofCode.SIZE, f"the new policy has {size} bytes, and AWS KMS takes {MOST_BYTES}")
    said = f"the new policy would have {size} bytes, and AWS KMS takes {MOST_BYTES}"
    return _failed(ProofCode.SIZE, said)


def _principals(policy: KeyPolicy) -> Proof:
    """KMS: "Each statement must contain one or more principals. The principals must exist" (`PutKeyPolicy`)."""
    deleted = [
        f"principal `{p.value}` in statement {s.ref.index}{f' (`{s.ref.sid}`)' if s.ref.sid else ''}"
        for s in policy.statements
        for p in s.principal.principals
        if _UNIQUE_ID.match(p.value)
    ]
    if not deleted:
        return _shown(ProofCode.PRINCIPALS_EXIST, "no principal is known to be deleted")
    verb, left = ("was", "its unique ID is") if len(deleted) == 1 else ("were", "their unique IDs are")
    said = f"{', '.join(deleted)} {verb} deleted (only {left} left), and AWS KMS refuses such a policy"
    return _failed(ProofCode.PRINCIPALS_EXIST, said)


def _same_again(proposal: Proposal) -> Proof:
    if proposal.again == proposal.text:
        return _shown(ProofCode.SAME_AGAIN, "planned again, the new policy stays as it is")
    return _failed(ProofCode.SAME_AGAIN, "planned again, the new policy would change again")


def _grants(service_grants: Sequence[str], perimeter: Perimeter) -> Proof:
    code = ProofCode.SERVICE_GRANTS
    if not service_grants:
        return _shown(code, "no AWS service uses the key through a grant, as far as is known")
    shown = ", ".join(service_grants[:_SHOWN])
    many = "a grant" if len(service_grants) == 1 else f"{len(service_grants)} grants"
    said = f"AWS services use the key through {many} ({shown})"
    if perimeter.fix_keys_with_service_grants:
        return _shown(code, f"{said}, and the perimeter says `fix_keys_with_service_grants`")
    return _failed(code, f"{said}, and the perimeter does not say `fix_keys_with_service_grants`")
