"""Every call of `on_report` x everything that can go wrong with it.

A sweep has ended, and a call fails while the function counts, writes the report and tells people. Whatever happens, in
the end people were told of the sweep, each time by the same mark; no message leads to a report that is not whole; and
the ledger's counts are those of one moment.

All cells have one world in common: each has a sweep of its own, of the same keys.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from kms_perimeter.aws.ledger import Counts
from kms_perimeter.fleet import Standing
from kms_perimeter.sweep import Ended, sweep_batches
from kms_perimeter.swept.work import name_of
from tests.faults import memory
from tests.faults.faults import ONCE, Fault, makes_sense
from tests.faults.test_races import marked
from tests.faults.world import START, World
from tests.unit.account import OPEN, closed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kms_perimeter.aws.ledger import Count

FUNCTION, BUCKET = "on_report", "reports"
LASTING = tuple(fault for fault in Fault if fault not in ONCE)
SETTINGS = {"MODE": "alert", "REPORTS_BUCKET": BUCKET, "SWEEP_DIGEST": "every"}


@dataclass
class Office:
    """A world with an open key, an enclosed one and one that waits for its deletion; sweeps end in it.

    Attributes:
        world: the world.
        enclosed: the ARN of the enclosed key.
        wrong: what was wrong with the bucket, at any call.
        numbers: of the sweeps.
    """

    world: World
    enclosed: str
    wrong: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Office]:
        """A fresh world, in which each key was looked at."""
        with World.open(SETTINGS) as world:
            kms, s3, sqs = world.aws("kms"), world.aws("s3"), world.aws("sqs")
            s3.create_bucket(Bucket=BUCKET)
            world.resources.queues["ended"] = sqs.create_queue(QueueName="ended")["QueueUrl"]
            tags = [{"TagKey": "Environment", "TagValue": "production"}]
            enclosed = str(kms.create_key(Policy=closed(), Tags=tags)["KeyMetadata"]["Arn"])
            kms.create_alias(AliasName="alias/prod-payments", TargetKeyId=enclosed)
            kms.schedule_key_deletion(KeyId=kms.create_key()["KeyMetadata"]["KeyId"])
            office = cls(world, enclosed)
            office.look()
            world.injector.looks = office.look_twice(world.injector.looks)
            yield office

    def look(self) -> None:
        """A sweep looks at both keys."""
        for batch in sweep_batches("noon", datetime.now(UTC), [self.world.key, self.enclosed]):
            self.world.send(json.dumps(batch))
        self.world.run()

    def another_is_opened(self) -> None:
        """Somebody opens the enclosed key, and the guard sees it at once."""
        self.world.aws("kms").put_key_policy(KeyId=self.enclosed, PolicyName="default", Policy=marked(OPEN))
        for batch in sweep_batches("later", datetime.now(UTC), [self.enclosed]):
            self.world.work_on(json.dumps(batch))

    def sweep_ends(self) -> Ended:
        """The end of another sweep, as EventBridge is about to deliver it."""
        self.world.time.shift(timedelta(minutes=1))
        self.world.injector.forget()
        self.world.log.clear()
        ended = Ended(f"sweep-{next(self.numbers)}", START, datetime.now(UTC), 3)
        self.world.send(json.dumps({"id": ended.sweep, "detail": json.loads(ended.event("ledger")["Detail"])}), "ended")
        return ended

    def look_twice(self, looks: Callable[[str, str], None]) -> Callable[[str, str], None]:
        """Looks at the reports besides, at each call."""

        def look(when: str, call: str) -> None:
            looks(when, call)
            self.look_at_reports(call)

        return look

    def look_at_reports(self, call: str) -> None:
        """A page never comes before its data, and a message never before both."""
        pages, data = (
            {name.split(".")[0] for name in memory.objects(BUCKET) if name.endswith(kind)} for kind in ("html", "gz")
        )
        if not pages <= data or (call == "sns.Publish" and pages != data):
            self.wrong.append(f"half a report at {call}: {sorted(pages ^ data)}")

    def told(self, ended: Ended) -> list[str]:
        """The marks of the messages about a sweep."""
        name = name_of(ended)
        return [told["dedup_key"] for told in self.world.told if name in json.dumps(told["data"])]

    def counted(self, ended: Ended) -> tuple[Count | None, frozenset[str]]:
        """What the ledger has counted, and which keys it calls open."""
        counts = Counts(self.world.aws("dynamodb"), "ledger")
        last = counts.last(ended.finished_at + timedelta(seconds=1))
        return (last, counts.open_at(last)) if last and last.sweep == ended.sweep else (None, frozenset())

    def report(self, ended: Ended) -> dict[str, Any]:
        """The report as programs read it."""
        body = memory.objects(BUCKET)[f"{name_of(ended)}.json.gz"]
        printed: dict[str, Any] = json.loads(gzip.decompress(body))
        return printed

    def is_over(self, ended: Ended) -> bool:
        """Whether people were told, of a whole report, and the ledger has counted what is in it."""
        marks, (counted, opened) = self.told(ended), self.counted(ended)
        if not marks or counted is None or not Counts(self.world.aws("dynamodb"), "ledger").is_told(ended.sweep):
            return False
        standing = {key["arn"]: key["standing"] for key in self.report(ended)["keys"]}
        same = opened == {arn for arn, how in standing.items() if how == "open"} == {self.world.key}
        right = counted.counts == Counter(map(Standing, standing.values()))
        posted = {message["text"] for message in self.world.slack.messages}
        every = all(told["text"] in posted for told in self.world.told)
        return len(set(marks)) == 1 and same and right and every and self.world.dead == 0

    def heal(self, ended: Ended) -> str:
        """Lets the function run through its outage, and an operator mend it; says what it took."""
        self.world.run()
        if self.is_over(ended):
            return "retry" if self.world.log else "at once"
        self.world.injector.operation = ""
        self.world.redrive()
        self.world.run()
        return "redrive" if self.is_over(ended) else "never"


@cache
def steps() -> tuple[str, ...]:
    """The calls of a run in which nothing fails, in their order."""
    with Office.open() as office:
        ended = office.sweep_ends()
        assert office.heal(ended) == "at once", office.world.log
        return office.world.injector.calls_of(FUNCTION)


CALLS = sorted(set(steps()))
WRITES = ("dynamodb.PutItem", "s3.PutObject", "sns.Publish")
DIES_AT = [(call, at) for call in CALLS for at in range(steps().count(call) if call in WRITES else 1)]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """The world that all cells have in common."""
    with Office.open() as opened:
        opened.heal(opened.sweep_ends())
        yield opened


@pytest.fixture(autouse=True)
def _all_is_well_again(office: Office) -> Iterator[None]:
    """No outage outlives its cell."""
    yield
    injector = office.world.injector
    injector.operation, injector.at, injector.outages = "", 0, None
    assert office.wrong == []


@pytest.mark.parametrize(
    ("call", "fault"),
    [(call, fault) for call in CALLS for fault in ONCE if makes_sense(fault, call) and fault is not Fault.KILLED],
    ids=str,
)
def test_a_report_outlives_a_blip(
    office: Office, call: str, fault: Fault, record_cell: Callable[[str, str, str], None]
) -> None:
    """Botocore tries again, or Lambda."""
    ended, injector = office.sweep_ends(), office.world.injector
    injector.operation, injector.within, injector.fault = call, FUNCTION, fault

    how = office.heal(ended)

    record_cell(f"{FUNCTION}: {call}", fault.value, how)
    assert injector.struck > 0
    assert how != "never", (office.world.log, office.told(ended), office.counted(ended))


@pytest.mark.parametrize("call", CALLS)
def test_a_report_outlives_one_outage_after_the_other(
    office: Office, call: str, record_cell: Callable[[str, str, str], None]
) -> None:
    """Each run meets another one: after three, the event waits among the dead letters; then a person sends it back."""
    injector, ends = office.world.injector, []
    injector.operation, injector.within, injector.outages, injector.met = call, FUNCTION, list(LASTING), {}
    while injector.outages:
        ends.append(office.sweep_ends())
        office.world.run()
        while office.world.redrive():
            office.world.run()

    for fault, failed in injector.met.items():
        record_cell(f"{FUNCTION}: {call}", fault.value, "redrive" if failed else "at once")
    assert set(injector.met) == set(LASTING)
    assert office.world.log or not any(injector.met.values())
    assert [office.is_over(ended) for ended in ends] == [True] * len(ends)


@pytest.mark.parametrize(("call", "at"), DIES_AT)
def test_the_process_may_die_after_a_call(
    office: Office, call: str, at: int, record_cell: Callable[[str, str, str], None]
) -> None:
    """The next run completes what this one has begun; people may be told twice, by the same mark."""
    ended, injector = office.sweep_ends(), office.world.injector
    injector.operation, injector.within, injector.fault, injector.at = call, FUNCTION, Fault.KILLED, at

    how = office.heal(ended)

    record_cell(f"{FUNCTION}: {call}", Fault.KILLED.value, how)
    assert injector.struck == 1
    assert how == "retry", office.world.log


def test_another_key_is_opened_while_a_run_dies(office: Office) -> None:
    """The next run finds two open keys: how many the ledger counts, and which it calls open, are of one moment."""
    world, injector, ended = office.world, office.world.injector, office.sweep_ends()
    injector.operation, injector.within, injector.fault = "dynamodb.PutItem", FUNCTION, Fault.KILLED
    otherwise, left = injector.meanwhile, [office.another_is_opened]

    def meanwhile(sent: int) -> None:
        otherwise(sent)
        if injector.struck and left and world.witness.function == FUNCTION:
            left.pop()()

    injector.meanwhile = meanwhile

    world.run()

    counted, opened = office.counted(ended)
    assert (injector.struck, left) == (1, [])
    assert counted
    assert counted.counts[Standing.OPEN] == len(opened) == 2
