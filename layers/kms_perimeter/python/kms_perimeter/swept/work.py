"""Counting, reporting and telling, once for each sweep, in an order that a run which dies can be repeated in.

The counts are written once and for good, the report gets another version under the same name, and that people were told
is noted last: told twice is better than never, and both messages have the same mark.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from kms_perimeter import message, report, wording
from kms_perimeter.aws.ledger import Count
from kms_perimeter.fleet import HISTORY_DAYS, UNPROVED, Standing
from kms_perimeter.message import Comparison, ReportPlace

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.aws.ledger import Counts
    from kms_perimeter.aws.reports import Reports
    from kms_perimeter.aws.topic import Topic
    from kms_perimeter.fleet import Fleet
    from kms_perimeter.sweep import Ended
    from kms_perimeter.swept.picture import Picture


@dataclass(frozen=True, slots=True)
class Clerk:
    """What the end of a sweep is worked on with.

    Attributes:
        picture: makes the picture of all keys.
        counts: how the fleet stood after each sweep.
        reports: where reports are kept.
        topic: where messages go.
        place: partition and Region.
        always: whether a sweep that has found nothing new is told too, though it is not the first of its day.
        now: the clock.
        docs: where docs/ is published, for the report's links; empty where it is not.
    """

    picture: Picture
    counts: Counts
    reports: Reports
    topic: Topic
    place: tuple[str, str]
    always: bool
    now: Callable[[], datetime]
    docs: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done about a sweep's end.

    Attributes:
        keys: how many keys the report has.
        open: how many of them are open.
        report: the report's name; empty where there are no keys, or all had been done before.
        told: whether people were told.
    """

    keys: int = 0
    open: int = 0
    report: str = ""
    told: bool = False


def work(clerk: Clerk, ended: Ended) -> Done:
    """Counts, reports and tells; does nothing about a sweep that was told before."""
    if clerk.counts.is_told(ended.sweep):
        return Done()
    before = clerk.counts.last(ended.finished_at)
    today = datetime.combine(ended.finished_at.astimezone(UTC).date(), time(), UTC)
    fleet = clerk.picture.take(ended, clerk.counts.days(today, HISTORY_DAYS))
    opened = [finding.arn for finding in fleet.of(Standing.OPEN)]
    count = Count(ended.sweep, ended.finished_at, fleet.counts(), fleet.by_perimeter())
    clerk.counts.keep(count, opened)
    compared = _compared(clerk, before, fleet)
    if not fleet.findings and not compared.closed:  # most Regions of an organisation have no keys
        clerk.counts.note_told(ended.sweep, clerk.now(), "")
        return Done()
    place = _write(clerk, ended, fleet)
    told = clerk.always or is_news(before, count, compared)
    if told:
        clerk.topic.publish(message.swept(ended.sweep, fleet, compared, place))
    clerk.counts.note_told(ended.sweep, clerk.now(), place.name)
    return Done(len(fleet.findings), len(opened), place.name, told)


def is_news(before: Count | None, count: Count, compared: Comparison) -> bool:
    """Whether there is more or less to worry about than after the sweep before, or that one was of another day."""
    if before is None or before.day.day != count.day.day or compared.opened or compared.closed:
        return True
    return any(count.counts.get(standing, 0) != before.counts.get(standing, 0) for standing in UNPROVED)


def _write(clerk: Clerk, ended: Ended, fleet: Fleet) -> ReportPlace:
    name = name_of(ended)
    clerk.reports.put_data(f"{name}.json.gz", json.dumps(fleet.to_json()))
    clerk.reports.put_page(f"{name}.html", report.render(fleet, clerk.docs))
    partition, region = clerk.place
    console = wording.console_of_object(partition, region, clerk.reports.bucket, f"{name}.html")
    return ReportPlace(clerk.reports.bucket, f"{name}.html", console)


def name_of(ended: Ended) -> str:
    """The names of a sweep's reports, without what says of which kind each is; they sort by time."""
    safe = re.sub(r"[^A-Za-z0-9.-]", "-", ended.sweep)
    return f"reports/{ended.finished_at.astimezone(UTC):%Y/%m/%d/%H%M%SZ}-{safe}"


def _compared(clerk: Clerk, before: Count | None, fleet: Fleet) -> Comparison:
    if before is None:
        return Comparison(None)
    then = clerk.counts.open_at(before)
    standing = {finding.arn: finding.standing for finding in fleet.findings}
    opened = tuple(finding for finding in fleet.of(Standing.OPEN) if finding.arn not in then)
    closed = {arn: standing[arn].value if arn in standing else "gone or pending deletion" for arn in sorted(then)
              if standing.get(arn) is not Standing.OPEN}  # fmt: skip
    return Comparison(before.at, opened, closed)
