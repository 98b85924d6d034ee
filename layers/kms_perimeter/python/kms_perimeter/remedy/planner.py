"""Making the plan: the new policy by its strategy, what is said of it, and whether it may be put."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.perimeter import Strategy
from kms_perimeter.perimeter.placeholders import Unfit
from kms_perimeter.policy import document
from kms_perimeter.policy.escape import NOBODYS_ACCOUNT
from kms_perimeter.policy.record import replace
from kms_perimeter.remedy import custom, guarding, proofs, template
from kms_perimeter.remedy.model import Plan
from kms_perimeter.verdict import Outcome, Verdict, boundary_of, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.key import Key
    from kms_perimeter.remedy.model import Standpoint


def plan(
    policy_text: str,
    key: Key,
    perimeter: Perimeter,
    *,
    strategy: Strategy | None = None,
    standpoint: Standpoint | None = None,
    last_enclosed: str | None = None,
    service_grants: Sequence[str] = (),
) -> Plan:
    """Plan the new policy of a key, and prove it.

    Args:
        policy_text: the present policy.
        key: what is known of the key.
        perimeter: the perimeter that it is under.
        strategy: how to make the new policy; by default as the perimeter says.
        standpoint: who will put the policy and from where, and must not lock itself out; None where nobody does.
        last_enclosed: for `Strategy.RESTORE`, the last enclosed policy of this key.
        service_grants: whom the key's grants to AWS-internal principals name; such a key is fixed only where the
            perimeter says so.
    """
    making = _Making(strategy or perimeter.strategy, key, perimeter, last_enclosed)
    try:
        present = document.parse(policy_text)
    except MalformedPolicy as error:
        verdict = Verdict(Outcome.MALFORMED, perimeter.name, key.usage, reason=str(error))
        return making.none(policy_text, verdict, f"the present policy is malformed: {error}")
    making = replace(making, key=replace(key, account=key.account or document.account_of(present) or NOBODYS_ACCOUNT))
    try:
        new = making.policy(policy_text)
    except Unfit as error:
        return making.none(policy_text, judge(policy_text, making.key, perimeter), f"the template: {error.message}")
    if new is None:
        verdict = judge(policy_text, making.key, perimeter)
        return making.none(policy_text, verdict, "the ledger has no enclosed policy of this key to go back to")
    verdict = judge(new, making.key, perimeter)
    if verdict.outcome is Outcome.MALFORMED:
        return making.none(policy_text, verdict, f"the new policy would be malformed: {verdict.reason}")
    return _proved(making, policy_text, new, verdict, standpoint, service_grants)


def _proved(
    making: _Making,
    present: str,
    new: str,
    verdict: Verdict,
    standpoint: Standpoint | None,
    service_grants: Sequence[str],
) -> Plan:
    changed = json.loads(new) != json.loads(present)
    if not changed and verdict.outcome is Outcome.ENCLOSED:
        return Plan(new, verdict, changed, "", None, making.strategy)
    again = making.policy(new) or new
    proposal = proofs.Proposal(
        present, new, again, verdict, making.strategy, making.key, making.perimeter, standpoint, service_grants
    )
    shown, losses = proofs.prove(proposal)
    refused = "; ".join(proof.sentence for proof in shown if proof.binding and not proof.holds) or None
    return Plan(new, verdict, changed, diff_of(present, new), refused, making.strategy, shown, losses)


@dataclass(frozen=True, slots=True)
class _Making:
    """How the new policy of a key is made."""

    strategy: Strategy
    key: Key
    perimeter: Perimeter
    last_enclosed: str | None

    def policy(self, present: str) -> str | None:
        """The new policy; None where there is nothing to go back to.

        Raises:
            Unfit: the perimeter's template asks for something that is not known of the key.
        """
        if self.strategy is Strategy.RESTORE:
            return self.last_enclosed
        if self.strategy is Strategy.GUARD:
            return guarding.guarded(present, self.key, self.perimeter)
        if judge(present, self.key, self.perimeter).outcome is Outcome.ENCLOSED:
            return present
        performed = guarding.bindable(self.key)
        if self.perimeter.template:
            rendered = custom.render(self.perimeter.template, performed, self.perimeter, self.key)
        else:
            rendered = template.render(performed, boundary_of(self.perimeter), self.key)
        return json.dumps(rendered, indent=2, ensure_ascii=False)

    def none(self, present: str, verdict: Verdict, reason: str) -> Plan:
        """The plan where there is no new policy."""
        return Plan(present, verdict, changed=False, diff="", refused=reason, strategy=self.strategy)


def diff_of(old: str, new: str, names: tuple[str, str] = ("present policy", "new policy")) -> str:
    """A unified diff of two policies, both printed with the same indentation; `names` are what it calls them."""
    before, after = (_printed(text).splitlines() for text in (old, new))
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))


def _printed(text: str) -> str:
    printed = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return printed.encode("utf-8", "backslashreplace").decode()  # half of a pair of surrogates can be sent nowhere
