"""All Regions, one after the other, as one fleet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.pace import Pace
from kms_perimeter.cli import aws_errors
from kms_perimeter.cli.scanning import region as regions
from kms_perimeter.cli.scanning.look import Look
from kms_perimeter.errors import KmsRefusal, NoDeployment
from kms_perimeter.fleet import Fleet, KeyFinding, Skipped, Unscanned, together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kms_perimeter.aws.profile import Profile
    from kms_perimeter.cli.measure import Measure
    from kms_perimeter.cli.progress import Bar
    from kms_perimeter.fleet import Day


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan is to do.

    Attributes:
        profile: whose keys.
        regions: where.
        measure: what the keys of a Region are judged by.
        planning: whether to plan what `enforce` would do.
        rate: calls of KMS a second, in each Region.
        workers: keys that are looked at side by side.
    """

    profile: Profile
    regions: tuple[str, ...]
    measure: Callable[[str], Measure]
    planning: bool
    rate: float
    workers: int

    def run(self, bar: Bar) -> Fleet:
        """The fleet; what cannot be listed is in it as unscanned.

        Raises:
            ClientError: the caller's credentials are no good.
        """
        account, started = self.profile.account(), datetime.now(UTC).replace(microsecond=0)
        findings: list[KeyFinding] = []
        skipped: Counter[Skipped] = Counter()
        unscanned: list[Unscanned] = []
        histories: list[Sequence[Day]] = []
        for region in self.regions:
            try:
                look = self._look(region, started)
                histories.append(look.measure.history(started))
                for one in regions.scan(look, bar, self.workers):
                    if isinstance(one, Skipped):
                        skipped[one] += 1
                    else:
                        findings.append(one)
            except (KmsRefusal, NoDeployment) as refusal:
                unscanned.append(Unscanned(account, region, str(refusal)))
            except (ClientError, BotoCoreError) as error:
                unscanned.append(Unscanned(account, region, self._told(error)))
        ended = datetime.now(UTC).replace(microsecond=0)
        return Fleet(tuple(findings), started, ended, skipped, tuple(unscanned), together(histories))

    def _look(self, region: str, started: datetime) -> Look:
        keys = Keys(self.profile.kms(region, Pace(self.rate).wait))
        return Look(keys, self.measure(region), started.date(), self.planning)

    def _told(self, error: ClientError | BotoCoreError) -> str:
        """Why a Region could not be looked at; one of several may be closed to the caller, the only one must not."""
        told = aws_errors.told(error)
        if told is None or len(self.regions) == 1 or (aws_errors.is_fatal(error) and not _of_region(error)):
            raise error
        return told


def _of_region(error: Exception) -> bool:
    """Whether the Region rather than the credentials may be at fault: AWS answers so where it is not enabled."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "UnrecognizedClientException"
