"""Messages about a key that was open: closed by the guard, closed by others, or not closed for a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter import wording
from kms_perimeter.decision import Severity, severity_of
from kms_perimeter.letter import Part
from kms_perimeter.message.model import Exposure, Matter, Message, compose
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from kms_perimeter.verdict import Verdict


def exposure_closed(matter: Matter, exposure: Exposure, carried: Verdict | None = None) -> Message:
    """A key that was open for a while and is enclosed again, or that could not be judged and is enclosed.

    Args:
        matter: the key as it is now.
        exposure: the time in which it was open; without a beginning, if it was never seen open.
        carried: the verdict on the policy that was in force meanwhile.
    """
    if exposure.opened is None:
        return _proved(matter)
    headline = f"{matter.name} was open and is enclosed again"
    parts = (
        exposure.part(),
        Part("What was open", wording.findings(carried) if carried else ()),
        wording.cause(matter.change, outside=matter.outside),
        Part("What to do now", ("Look in CloudTrail for uses of the key in that time.",)),
    )
    return compose("exposure-closed", Severity.LOW, headline, matter, parts, {"exposed": exposure.to_json()})


def _proved(matter: Matter) -> Message:
    headline = f"{matter.name} is proved to be enclosed"
    parts = (
        Part("What has changed", ("Until now nobody could say whether it was.",)),
        wording.cause(matter.change, outside=matter.outside),
        Part("What to do now", ("Nothing.",)),
    )
    return compose("exposure-closed", Severity.LOW, headline, matter, parts, {"exposed": None})


def remediated(
    matter: Matter, *, before: Verdict, diff: str, strategy: str = "guard", exposure: Exposure | None = None
) -> Message:
    """The guard has changed the key's policy, read it back and judged what it read.

    Args:
        matter: the key with the verdict on the new policy.
        before: the verdict on the policy that was replaced.
        diff: from the old policy to the new one, as a unified diff.
        strategy: how the new policy was made.
        exposure: the time in which the key was open.
    """
    headline = f"{matter.name} was open and the guard has enclosed it"
    done = (
        f"It has put a new policy by the strategy `{strategy}`, read it back and proved it: {matter.verdict.outcome}."
    )
    undo = f"The policy that it replaced is in the ledger: `kms-perimeter history {matter.key_arn}`."
    parts = (
        Part("What was open", wording.findings(before)),
        *((exposure.part(),) if exposure else ()),
        wording.cause(matter.change, outside=matter.outside),
        Part("What the guard has done", (done, undo)),
        Part("The change", tuple(diff.splitlines()), code=True),
        Part("What to do now", ("Make the same change where the policy is kept, or it will be undone there.",)),
    )
    exposed = {"exposed": exposure.to_json()} if exposure else {}
    facts = {"before": before.to_json(), "diff": diff, "strategy": strategy, **exposed}
    return compose("remediated", Severity.MEDIUM, headline, matter, parts, facts)


def followed(matter: Matter, *, diff: str) -> Message:
    """The perimeter has changed, and the guard has brought its own statement on an enclosed key up to date."""
    headline = f"{matter.name} follows its perimeter"
    done = f"It has brought its own statement up to date, read it back and proved it: {matter.verdict.outcome}."
    undo = f"The policy that it replaced is in the ledger: `kms-perimeter history {matter.key_arn}`."
    parts = (
        Part("What the guard has done", (done, undo)),
        Part("The change", tuple(diff.splitlines()), code=True),
        Part("What to do now", ("Nothing. If nobody meant the perimeter to change, look at who changed its file.",)),
    )
    return compose("followed", Severity.INFO, headline, matter, parts, {"diff": diff})


def refused(matter: Matter, *, reason: str, diff: str = "") -> Message:
    """The guard was to change the key's policy and does not, since the plan fails a check or KMS refuses it.

    Args:
        matter: the key, still as it was: open, or enclosed by a statement of the guard that is of an older perimeter.
        reason: one clause.
        diff: what the plan would have changed, where there is a plan.
    """
    is_open = matter.verdict.outcome is not Outcome.ENCLOSED
    standing = "stays open: the guard cannot fix it" if is_open else "is enclosed by an older perimeter"
    headline = f"{matter.name} {standing}"
    advice = wording.what_to_do(change_is_shown=False)
    parts = (
        Part("What is open", wording.findings(matter.verdict) if is_open else ()),
        wording.cause(matter.change, outside=matter.outside),
        Part("Why the guard does not change it", (wording.sentence(reason), "The key is as it was.")),
        Part("The change that it did not make", tuple(diff.splitlines()), code=True),
        Part("What to do now", advice if is_open else ("Bring the guard's statement up to date: see the change.",)),
    )
    severity = severity_of(matter.verdict) if is_open else Severity.LOW
    return compose("refused", severity, headline, matter, parts, {"refused": reason, "diff": diff})


def overwritten(matter: Matter, *, diff: str) -> Message:
    """The guard has put its policy over one that it did not know of, or may have: somebody's statements are gone.

    Args:
        matter: the key as it is now, and the call whose policy is gone.
        diff: from the policy that is gone to the one that the key has, as a unified diff.
    """
    headline = f"{matter.name}: somebody's change was overwritten"
    what = (
        "While the guard was closing the key, this call put another policy on it, of which the guard did not know.",
        "The key has the guard's policy, so the statements with a minus below are no longer in force.",
    )
    advice = (
        "Tell who made the call. If the change is still wanted, make it again, on top of the policy as it is now.",
        f"The ledger has the policy that is gone: `kms-perimeter history {matter.key_arn}`.",
    )
    parts = (
        Part("What has happened", what),
        wording.cause(matter.change, outside=matter.outside),
        Part("What is gone", tuple(diff.splitlines()), code=True),
        Part("What to do now", advice),
    )
    return compose("overwritten", Severity.MEDIUM, headline, matter, parts, {"diff": diff})
