"""From a policy that escapes to a plan: the new policy, its proofs and its diff, before anything is touched.

`guarding` and `template` make the new policy; `proofs` says what was shown of it, with `comparison` and `access` for
what takes a search.
"""

from kms_perimeter.perimeter import Strategy
from kms_perimeter.remedy.guarding import is_outdated
from kms_perimeter.remedy.model import Plan, Proof, ProofCode, Standpoint
from kms_perimeter.remedy.planner import diff_of, plan

__all__ = ["Plan", "Proof", "ProofCode", "Standpoint", "Strategy", "diff_of", "is_outdated", "plan"]
