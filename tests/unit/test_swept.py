"""After a sweep: the counts, the report and the message, made of what the ledger has."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from kms_perimeter import guard, swept
from kms_perimeter.aws.ledger import Counts, Recorded
from kms_perimeter.aws.reports import Reports
from kms_perimeter.aws.topic import Topic
from kms_perimeter.perimeter import Mode
from kms_perimeter.planning import standpoint_of
from kms_perimeter.sweep import Ended, SweepBatch
from tests.unit.account import NOON, OPEN, OURS, REGION, Account, a_change, closed

if TYPE_CHECKING:
    from kms_perimeter.evidence import Guard
    from kms_perimeter.perimeter import PerimeterFile
    from kms_perimeter.swept import Clerk, Done

BUCKET = "reports"
UNPROVABLE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*"}]})


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
        names = sorted(self.names())
        printed: dict[str, Any] = json.loads(
            self.s3.get_object(Bucket=BUCKET, Key=next(n for n in reversed(names) if n.endswith(".json")))[
                "Body"
            ].read()
        )
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
