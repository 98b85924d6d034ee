"""Use that is given away: a grant ignores the conditions of every `Allow`, so only a `Deny` binds its grantee.

Source: *Grants in AWS KMS* in the AWS KMS Developer Guide. A grant's constraints are about the encryption context; none
is about the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy import witness
from kms_perimeter.policy.applies import Sure
from kms_perimeter.policy.origins import DIRECT, Origin, Situation, is_exempt, origins_of
from kms_perimeter.policy.search import CREATE_GRANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.policy.boundary import Networks
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import Statement
    from kms_perimeter.policy.operations import Operation
    from kms_perimeter.policy.search import Search
    from kms_perimeter.policy.witness import Solution


def uses(
    search: Search, op: Operation, outside: Networks, *, certain: bool, origins: tuple[Origin, ...] = DIRECT
) -> Iterator[Solution]:
    """Requests from outside that no `Deny` stops, one for each sender: a grant can be given to anybody."""
    for caller in search.callers:
        if caller.is_service:
            continue
        if found := search.come_from(origins, op, None, caller, outside, certain=certain):
            yield found


def gifts(
    search: Search, op: Operation, use: Solution, outside: Networks | None, *, certain: bool
) -> Iterator[Solution]:
    """Requests to `kms:CreateGrant` that give `op` to the one who uses it."""
    for allow in search.granting:
        for caller in search.callers:
            sure = min(search.names[caller.text, allow.ref.index][0], search.about[allow.ref.index])
            if sure is Sure.NO or (certain and sure is not Sure.YES) or caller.is_service:
                continue
            if found := _gift(search, op, allow, caller, use, outside, certain=certain):
                yield found


def _gift(
    search: Search,
    op: Operation,
    allow: Statement,
    caller: Caller,
    use: Solution,
    outside: Networks | None,
    *,
    certain: bool,
) -> Solution | None:
    for origin in origins_of(caller):
        if outside is not None and is_exempt(caller, origin, search.owner, search.boundary):
            continue
        if outside is None and origin is Origin.ON_BEHALF:
            # A service that creates a grant for its own use hands it to itself, not to a stranger.
            continue
        situation = Situation(caller, origin, CREATE_GRANT.name, search.facts, outside, search.key.arn)
        domains = witness.giving(op.name, use, search.model, search.model.domains(situation, certain=certain))
        if found := search.solve(situation, allow, domains, certain=certain):
            return found
    return None
