"""A fleet as SARIF: each key stands where a file would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kms_perimeter.cli import sarif
from kms_perimeter.cli.checked import Checked
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.fleet import Fleet, KeyFinding


def log(fleet: Fleet) -> dict[str, Any]:
    """The SARIF log of a scan; what an exception holds for is in it as suppressed."""
    return sarif.log([checked for finding in fleet.findings for checked in _checked(finding)])


def _checked(finding: KeyFinding) -> Iterator[Checked]:
    # Code scanning wants a path, whatever it leads to: one that tells the key, and stays the same.
    path = f"kms/{finding.account}/{finding.region}/{finding.arn.rsplit('/', 1)[-1]}"
    if finding.unreadable:
        verdict = Verdict(Outcome.UNDECIDED, None, "", reason=f"it could not be read: {finding.unreadable}")
        yield Checked(path, verdict, resource=finding.arn)
    elif finding.verdict:
        exception = finding.exception
        accepted = f"{exception.owner} until {exception.expires}: {exception.reason}" if exception else None
        yield Checked(path, finding.verdict, resource=finding.arn, accepted=accepted)
