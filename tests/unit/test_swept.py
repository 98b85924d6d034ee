"""After a sweep: the counts, the report and the message, made of what the ledger has."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from kms_perimeter import guard, swept
from kms_perimeter.aws.ledger import Count, Counts, Recorded
from kms_perimeter.aws.reports import Reports
from kms_perimeter.aws.topic import Topic
from kms_perimeter.fleet import Standing
from kms_perimeter.perimeter import Mode
from kms_perimeter.planning import standpoint_of
from kms_perimeter.sweep import Ended, SweepBatch
from kms_perimeter.swept.recalled import verdict_in
from tests.unit.account import NOON, OPEN, OURS, REGION, Account, a_change, closed, refuse

if TYPE_CHECKING:
    from kms_perimeter.evidence import Guard
    from kms_perimeter.perimeter import PerimeterFile
    from kms_perimeter.swept import Clerk, Done

BUCKET = "reports"
POLICIES = Path(__file__).parents[1] / "report" / "policies"


@dataclass
class Office:
    """Somebody who works on the ends of sweeps.

    Attributes:
        account: the account that is swept.
        clerk: what that is worked on with.
        guard: who looks at the keys.
    """

    account: Account
    clerk: Clerk
    guard: Guard
    s3: Any

    @classmethod
    def make(cls, account: Account, mode: Mode = Mode.ALERT, file: PerimeterFile | None = None) -> Office:
        """An office with an empty bucket."""
        s3 = boto3.client("s3", REGION)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        looking = account.in_mode(mode)
        looking = replace(looking, perimeters=file or looking.perimeters)
        topic = account.sns.list_topics()["Topics"][0]["TopicArn"]
        rules = swept.Rules(
            looking.perimeters, mode, standpoint_of(looking.settings), NOON.date(), looking.ledger.last_enclosed
        )
        clerk = swept.Clerk(
            picture=swept.Picture(looking.keys, Recorded(account.dynamodb, "ledger"), rules),
            counts=Counts(account.dynamodb, "ledger"),
            reports=Reports(s3, BUCKET, OURS),
            topic=Topic(account.sns, topic),
            place=("aws", REGION),
            always=False,
            now=account.clock.now,
        )
        return cls(account, clerk, looking, s3)

    def sweep(self, name: str) -> Done:
        """A sweep from its beginning to its report; of ten minutes."""
        return swept.work(self.clerk, self.swept(name))

    def swept(self, name: str) -> Ended:
        """A sweep up to its end: the guard has looked at every key."""
        started, keys = self.account.clock.now(), tuple(self.guard.keys.all())
        list(guard.work(self.guard, json.dumps(SweepBatch(name, started, keys).to_json())))
        self.account.clock.pause(600)
        return Ended(name, started, self.account.clock.now(), len(keys))

    def report(self) -> dict[str, Any]:
        """The last report, as programs read it."""
        names = [name for name in sorted(self.names()) if name.endswith(".json.gz")]
        zipped = self.s3.get_object(Bucket=BUCKET, Key=names[-1])["Body"].read()
        printed: dict[str, Any] = json.loads(gzip.decompress(zipped))
        return printed

    def names(self) -> list[str]:
        """The objects in the bucket."""
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def told(self) -> list[dict[str, Any]]:
        """The messages about sweeps since this was last asked."""
        return [alert for alert in self.account.told() if alert["kind"] == "sweep"]


@pytest.fixture
def office(account: Account) -> Office:
    """Somebody in the mode `alert`."""
    return Office.make(account)


def test_the_report_has_every_key_with_what_the_ledger_knows(office: Office) -> None:
    """An open key comes with its escapes, its policy's change and since when; an enclosed one with its name."""
    opened, enclosed = office.account.key(OPEN), office.account.key(closed())
    office.account.kms.create_alias(AliasName="alias/orders", TargetKeyId=opened)
    guard.examine(office.guard, a_change(opened, policy=OPEN))

    office.sweep("noon")

    keys = {key["arn"]: key for key in office.report()["keys"]}
    assert {arn: key["standing"] for arn, key in keys.items()} == {opened: "open", enclosed: "enclosed"}
    assert keys[opened]["aliases"] == ["alias/orders"]
    assert keys[opened]["verdict"]["escapes"][0]["route"] == "iam"
    assert "KmsPerimeterGuard" in keys[opened]["plan"]["diff"]
    assert keys[opened]["opened"] == {
        "at": NOON.isoformat(),
        "actor": a_change(opened).actor,
        "event": "PutKeyPolicy",
        "source_ip": "203.0.113.7",
        "vpc_endpoint_id": None,
    }


def test_the_report_leads_to_the_docs_where_the_deployment_says_they_are(office: Office) -> None:
    """Each advisory and each verdict is a link to its page."""
    office.account.key(OPEN)
    office.clerk = replace(office.clerk, docs="https://git.example.com/docs")

    office.sweep("sweep-1")

    (name,) = [name for name in office.names() if name.endswith(".html")]
    page = office.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read().decode()
    assert '"https://git.example.com/docs/verdicts/escapes.md"' in page


def test_what_was_recorded_is_read_back_as_it_was(office: Office) -> None:
    """A verdict with every part that there is: escapes by a grant too, and advisories."""
    arn = office.account.key((POLICIES / "granting.json").read_text().replace("111122223333", OURS))
    guard.examine(office.guard, a_change(arn))
    (entry,) = office.guard.ledger.entries(arn)

    printed = verdict_in(entry).to_json()

    assert printed == json.loads(entry.facts["verdict"])
    assert {"escapes", "advisories"} <= {name for name, told in printed.items() if told}
    assert any("grant" in escape for escape in printed["escapes"])


def test_a_count_is_kept_once_for_each_sweep(office: Office) -> None:
    """By standing and by perimeter; the end of a sweep that is delivered again counts and tells nothing again."""
    office.account.key(OPEN)
    office.account.key(closed())
    ended = office.swept("noon")
    swept.work(office.clerk, ended)

    again = swept.work(office.clerk, ended)

    assert again == swept.Done()
    assert len(office.told()) == 1
    kept = office.clerk.counts.last(ended.finished_at + timedelta(seconds=1))
    assert kept is not None
    assert (kept.sweep, kept.counts) == ("noon", {Standing.OPEN: 1, Standing.ENCLOSED: 1})
    assert kept.perimeters == {"default": {Standing.OPEN: 1, Standing.ENCLOSED: 1}}


def test_a_run_that_died_before_it_told_is_repeated(office: Office) -> None:
    """The counts stay as they were written first, the report gets another version, and people are told."""
    arn = office.account.key(OPEN)
    ended = office.swept("noon")
    refuse(office.account.sns, "Publish", "InternalError")
    with pytest.raises(ClientError):
        swept.work(office.clerk, ended)
    office.account.put(arn, closed())
    guard.examine(office.guard, a_change(arn, "event-2"))

    swept.work(office.clerk, ended)

    kept = office.clerk.counts.last(ended.finished_at + timedelta(seconds=1))
    assert kept is not None
    assert kept.counts == {Standing.OPEN: 1}
    assert office.report()["counts"]["open"] == 0
    assert [told["sweep"] for told in office.told()] == ["noon"]
    versions = office.s3.list_object_versions(Bucket=BUCKET)["Versions"]
    assert len(versions) == 2 * len(office.names())


def test_the_message_names_what_is_newly_open_and_no_longer_open(office: Office) -> None:
    """Against the keys that were open after the sweep before."""
    first, second = office.account.key(OPEN), office.account.key(closed())
    office.sweep("noon")
    office.account.put(first, closed())
    office.account.put(second, OPEN)

    office.sweep("evening")

    noon, evening = office.told()
    assert noon["since"] is None
    assert (evening["newly_open"], evening["no_longer_open"]) == ([second], [first])
    assert evening["report"]["name"] in office.names()


def test_a_sweep_without_news_is_told_once_a_day(office: Office) -> None:
    """Unless the deployment wants every one; the next day, what is still open is told again."""
    office.account.key(OPEN)

    told = [office.sweep("noon").told, office.sweep("evening").told]
    office.account.clock.pause(timedelta(days=1).total_seconds())
    told.append(office.sweep("tomorrow").told)

    assert told == [True, False, True]
    every = replace(office.clerk, always=True)
    assert swept.work(every, office.swept("tomorrow evening")).told


def test_the_report_has_the_days_before(office: Office) -> None:
    """The last sweep of each day that has one, and the present one."""
    office.account.key(OPEN)
    for name in ("first", "second"):
        office.sweep(name)
    office.account.clock.pause(timedelta(days=2).total_seconds())

    office.sweep("third")

    (day,) = office.report()["history"]
    assert (day["day"], day["counts"]["open"]) == (NOON.date().isoformat(), 1)
    assert day["perimeters"]["default"]["open"] == 1
    page = next(name for name in sorted(office.names(), reverse=True) if name.endswith(".html"))
    assert 'id="chart"' in office.s3.get_object(Bucket=BUCKET, Key=page)["Body"].read().decode()


def test_keys_that_the_sweep_left_alone_are_told_apart(office: Office) -> None:
    """One pending deletion is left out; one that nobody has looked at may be open, and is not called enclosed."""
    dying, given_up = office.account.key(closed()), office.account.key(closed())
    ended = office.swept("noon")
    office.account.kms.schedule_key_deletion(KeyId=dying.rsplit("/", 1)[-1], PendingWindowInDays=7)
    later = replace(ended, sweep="evening", started_at=ended.finished_at)

    swept.work(office.clerk, later)

    told = office.report()
    assert told["skipped"]["pending-deletion"] == 1
    assert [(key["arn"], key["standing"]) for key in told["keys"]] == [(given_up, "unreadable")]


def test_a_key_that_cannot_be_read_comes_with_the_reason(office: Office) -> None:
    """Its last verdict is not its standing."""
    arn = office.account.key(closed())
    refuse(office.account.kms, "GetKeyPolicy", "AccessDeniedException", times=1)

    office.sweep("noon")

    (key,) = office.report()["keys"]
    assert (key["arn"], key["standing"]) == (arn, "unreadable")
    assert "GetKeyPolicy is refused" in key["unreadable"]


def test_a_thousand_open_keys_are_compared_from_several_items(office: Office) -> None:
    """However many keys are open, the next sweep knows which: an item of the ledger takes a part of them."""
    many = {f"arn:aws:kms:{REGION}:{OURS}:key/{number:08}" for number in range(4500)}

    office.clerk.counts.keep(Count("noon", NOON, {Standing.OPEN: len(many)}, {}), many)

    counted = office.clerk.counts.last(NOON + timedelta(seconds=1))
    assert counted
    assert office.clerk.counts.open_at(counted) == many


def test_what_is_kept_of_sweeps_is_no_story_of_a_key(office: Office) -> None:
    """`history --day` and the list of keys have none of it."""
    arn = office.account.key(OPEN)
    office.sweep("noon")

    assert {entry.key_arn for entry in office.guard.ledger.of_day(NOON.date())} == {arn}
    assert list(dict(office.guard.ledger.keys())) == [arn]


def test_an_account_without_keys_is_counted_and_not_told_of(office: Office) -> None:
    """An organisation has thousands of such Regions."""
    done = office.sweep("noon")

    assert (done, office.names(), office.told()) == (swept.Done(), [], [])
    assert office.clerk.counts.last(office.account.clock.now() + timedelta(seconds=1)) is not None
