"""All Regions, one after the other, as one fleet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Found:
    """What has been found so far."""

    keys: list[KeyFinding] = field(default_factory=list)
    skipped: Counter[Skipped] = field(default_factory=Counter)
    unscanned: list[Unscanned] = field(default_factory=list)
    histories: list[Sequence[Day]] = field(default_factory=list)

    def of(self, region: str) -> int:
        """How many keys of a Region."""
        return sum(key.region == region for key in self.keys)


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
        """The fleet; what cannot be listed, or could not any more once credentials expired, is in it as unscanned.

        Raises:
            ClientError: nothing could be looked at; AWS refuses it, or the caller's credentials are no good.
            KmsRefusal: likewise.
            NoDeployment: likewise, the only Region has none.
        """
        account, started = self.profile.account(), datetime.now(UTC).replace(microsecond=0)
        found = _Found()
        for place, region in enumerate(self.regions):
            try:
                self._scan(region, started, bar, found)
            except (KmsRefusal, NoDeployment, ClientError, BotoCoreError) as error:
                if self._is_the_end(error) and not found.keys:
                    raise
                rest = self.regions[place + 1 :] if _is_at_fault(error) else ()
                found.unscanned.append(Unscanned(account, region, _told(error, found.of(region))))
                found.unscanned += [Unscanned(account, each, _told(error)) for each in rest]
                if rest:
                    break
        ended, history = datetime.now(UTC).replace(microsecond=0), together(found.histories)
        return Fleet(tuple(found.keys), started, ended, found.skipped, tuple(found.unscanned), history)

    def _scan(self, region: str, started: datetime, bar: Bar, found: _Found) -> None:
        look = self._look(region, started)
        found.histories.append(look.measure.history(started))
        for one in regions.scan(look, bar, self.workers):
            if isinstance(one, Skipped):
                found.skipped[one] += 1
            else:
                found.keys.append(one)

    def _look(self, region: str, started: datetime) -> Look:
        keys = Keys(self.profile.kms(region, Pace(self.rate).wait))
        return Look(keys, self.measure(region), started.date(), self.planning)

    def _is_the_end(self, error: Exception) -> bool:
        """Whether nothing can be scanned: one of several Regions may be closed to the caller, the only one must not."""
        return len(self.regions) == 1 or _is_at_fault(error)


def _is_at_fault(error: Exception) -> bool:
    """Whether the caller's credentials are at fault, and not the Region: where it is not enabled, AWS says alike."""
    of_region = isinstance(error, ClientError) and error.response["Error"]["Code"] == "UnrecognizedClientException"
    return aws_errors.is_fatal(error) and not of_region


def _told(error: Exception, looked_at: int = 0) -> str:
    told = aws_errors.told(error) or str(error)
    return f"no more than {looked_at} of its keys were looked at: {told}" if looked_at else told
