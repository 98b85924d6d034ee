"""The words of a remediation: the plan, its proofs, what it would take away, and where the guard stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kms_perimeter.perimeter import Strategy
    from kms_perimeter.verdict import Verdict


class ProofCode(StrEnum):
    """What is shown of a new policy before it may be put, in the order in which it is shown."""

    ENCLOSED = "enclosed"
    NOTHING_LOST = "nothing-lost"
    GUARD_GETS_IN = "guard-gets-in"
    OTHER_ADMINISTRATOR = "other-administrator"
    SERVICES_KEEP_THEIR_WAY = "services-keep-their-way"
    SIZE = "size"
    PRINCIPALS_EXIST = "principals-exist"
    SAME_AGAIN = "same-again"
    SERVICE_GRANTS = "service-grants"


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was to be shown of a new policy.

    Attributes:
        code: what was to be shown.
        holds: whether it was shown.
        sentence: the same for a person, without a final period; why not, where it was not.
        binding: whether the plan must not be carried out unless it holds. What `template` and `restore` take away is
            told and does not bind: whoever chose them wants another policy.
    """

    code: ProofCode
    holds: bool
    sentence: str
    binding: bool = True

    def to_json(self) -> dict[str, Any]:
        """The proof as `fix --format json` prints it."""
        return {"code": self.code.value, "holds": self.holds, "binding": self.binding, "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Who puts policies, and from where.

    Attributes:
        role: ARN of the role.
        vpc: the VPC that it calls from, or None where it runs outside every VPC.
        vpc_endpoint: the endpoint for KMS in that VPC; given where `vpc` is, for without an endpoint a request carries
            no VPC (*AWS global condition context keys* in the IAM User Guide, `aws:SourceVpc`).
    """

    role: str
    vpc: str | None = None
    vpc_endpoint: str | None = None

    def __str__(self) -> str:
        """Where it is, for a person."""
        return f"`{self.vpc}` through `{self.vpc_endpoint}`" if self.vpc_endpoint else "outside every VPC"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a remediation would do.

    Attributes:
        policy: the new policy, as JSON text.
        verdict: the verdict of the new policy.
        changed: whether it says anything else than the present one.
        diff: a unified diff of the two, each printed the same way; empty where nothing changes.
        refused: why the plan must not be carried out; None where every binding proof holds.
        strategy: how the new policy was made.
        proofs: what was to be shown of the new policy; empty where there is no new policy.
        losses: what somebody inside the perimeter could do and could no more, a sentence each.
    """

    policy: str
    verdict: Verdict
    changed: bool
    diff: str
    refused: str | None
    strategy: Strategy
    proofs: tuple[Proof, ...] = ()
    losses: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The plan as data: what `fix --format json` prints, and more."""
        try:
            policy = json.loads(self.policy)
        except ValueError:  # the present one, which cannot be read
            policy = None
        return {
            "policy": policy,
            "verdict": self.verdict.to_json(),
            "changed": self.changed,
            "diff": self.diff,
            "refused": self.refused,
            "strategy": self.strategy.value,
            "proofs": [proof.to_json() for proof in self.proofs],
            "losses": list(self.losses),
        }
