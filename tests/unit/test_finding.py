import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from kms_perimeter import finding, guard, remediation
from kms_perimeter.aws.bus import Bus, NotAllWerePut
from kms_perimeter.aws.securityhub import NotAllWereImported, SecurityHub
from kms_perimeter.decision import Severity
from kms_perimeter.finding import Finding, asff, event, findings_of, ocsf
from kms_perimeter.message import Notice, digest, perimeter_refused
from kms_perimeter.order import Order
from kms_perimeter.perimeter import Mode
from tests.unit.account import NOON, REGION, Account, a_change, closed, refuse

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def alerts(account: Account) -> list[dict[str, Any]]:
    """The alerts since this was last asked, as functions that subscribe get them."""
    return [json.loads(json.loads(body)["Message"]) for body in account._take(account.inbox)]  # noqa: SLF001 - ours


def opened(account: Account) -> Finding:
    """The finding of a key that somebody has opened."""
    guard.examine(account.in_mode(Mode.ALERT), a_change(account.key()))
    (one,) = findings_of(alerts(account)[0], NOON)
    return one


def a_finding(**changes: Any) -> Finding:  # noqa: ANN401 - fields of Finding
    """An open finding; changes are fields of it."""
    one = Finding(
        KEY, "alert", Severity.HIGH, "escapes", "default", "it is open", "HIGH: it is open\n", NOON, "alert/1"
    )
    return replace(one, **changes)


@cache
def published_schema() -> Draft202012Validator:
    """OCSF's own schema of the class, with the profile that the events claim."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.6.0")).get_class_schema("compliance_finding", ["cloud"])
    return Draft202012Validator(schema)


def faults(one: Mapping[str, Any]) -> list[str]:
    """What the published schema has against an OCSF event."""
    return [f"{fault.json_path}: {fault.message}" for fault in published_schema().iter_errors(one)]


def hub() -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Security Hub in memory; the client checks each call against AWS's own model of it."""
    client = boto3.client("securityhub", REGION)
    client.enable_security_hub()
    return client


def imported(client: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - likewise
    """The findings that Security Hub has."""
    found: list[dict[str, Any]] = client.get_findings()["Findings"]
    return found


def test_an_open_key_is_an_active_finding(account: Account) -> None:
    """Security Hub shows the key, how bad it is, and what to do."""
    one, client = opened(account), hub()

    SecurityHub(client).import_all([asff(one)])

    (seen,) = imported(client)
    assert (seen["RecordState"], seen["Compliance"]["Status"], seen["Severity"]["Label"]) == (
        "ACTIVE",
        "FAILED",
        "HIGH",
    )
    assert seen["Resources"][0]["Id"] == one.key_arn
    assert seen["Title"] == f"{one.key_id} can be used from outside its perimeter"
    assert seen["Description"].startswith("HIGH: ")


def test_the_same_finding_is_closed_when_the_key_is(account: Account) -> None:
    """What the guard has fixed is archived, as passed, under the ID that it was opened with."""
    key, client = account.key(), hub()
    guard.examine(account.guard, a_change(key))
    (ordered,) = account.ordered()
    remediation.remediate(account.guard, Order.from_json(ordered))
    told = alerts(account)

    for number, alert in enumerate(told):
        SecurityHub(client).import_all(asff(one) for one in findings_of(alert, NOON.replace(minute=number)))

    (seen,) = imported(client)
    assert [alert["data"]["kind"] for alert in told] == ["remediate", "remediated"]
    assert (seen["RecordState"], seen["Compliance"]["Status"]) == ("ARCHIVED", "PASSED")
    assert seen["Severity"]["Label"] == "INFORMATIONAL"
    assert seen["UpdatedAt"] == "2026-11-24T12:01:00.000Z"


def test_the_finding_is_closed_when_somebody_else_closes_the_key(account: Account) -> None:
    """Whoever encloses the key, the finding ends."""
    key, watching = account.key(), account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(key))
    account.put(key, closed())
    guard.examine(watching, a_change(key, "event-2"))

    _, (last,) = (findings_of(alert, NOON) for alert in alerts(account))

    assert (last.kind, last.closed) == ("exposure-closed", True)


@pytest.mark.parametrize("verdict", ["undecided", "malformed", "unreadable"])
def test_what_is_not_proved_is_a_warning(verdict: str) -> None:
    """It is not said to fail, nor to pass."""
    one = a_finding(verdict=verdict)

    assert asff(one)["Compliance"] == {"Status": "WARNING"}
    assert (asff(one)["RecordState"], ocsf(one)["compliance"]["status"]) == ("ACTIVE", "Warning")


def test_a_digest_makes_a_finding_for_each_key() -> None:
    """A storm of alerts is one message, and as many findings as keys."""
    keys = [f"{KEY[:-2]}{number:02}" for number in range(3)]
    notices = [Notice("alert", "high", key, "escapes", "it is open", key) for key in keys]
    notices[2] = Notice("remediated", "medium", keys[2], "enclosed", "it is enclosed", keys[2])
    told = digest(notices)

    made = findings_of({"text": told.text, "data": told.data, "dedup_key": told.dedup_key}, NOON)

    assert [(one.key_arn, one.closed) for one in made] == [(keys[0], False), (keys[1], False), (keys[2], True)]
    assert len({one.mark for one in made}) == 3
    assert [faults(ocsf(one)) for one in made] == [[], [], []]


def test_an_alert_that_was_cut_is_a_finding_all_the_same() -> None:
    """Of an alert that is too long for SNS, the topic leaves what a finding needs."""
    data = {"kind": "alert", "severity": "high", "verdict": "escapes", "key": KEY, "perimeter": "default", "cut": True}

    (one,) = findings_of({"text": "HIGH: it is open\n", "data": data, "dedup_key": "alert/1"}, NOON)

    assert (one.title, one.escapes) == ("it is open", ())


def test_every_finding_keeps_to_the_published_schema_of_ocsf(account: Account) -> None:
    """Open and closed, as the schema of version 1.6.0 wants a Compliance Finding."""
    one = opened(account)

    assert faults(ocsf(one)) == []
    assert faults(ocsf(replace(one, verdict="enclosed", kind="remediated"))) == []
    assert faults(ocsf(replace(one, kind="refused"))) == []
    assert [f[:12] for f in faults({**ocsf(one), "class_uid": 1})] != []


@pytest.mark.parametrize(
    ("kind", "verdict", "activity"),
    [("alert", "escapes", "Create"), ("refused", "escapes", "Update"), ("remediated", "enclosed", "Close")],
)
def test_ocsf_says_whether_a_finding_begins_goes_on_or_ends(kind: str, verdict: str, activity: str) -> None:
    """The type says the activity too, as OCSF computes it."""
    told = ocsf(a_finding(kind=kind, verdict=verdict))

    assert (told["activity_name"], told["type_name"]) == (activity, f"Compliance Finding: {activity}")
    assert told["type_uid"] == told["class_uid"] * 100 + told["activity_id"]


def test_texts_are_cut_to_what_security_hub_takes() -> None:
    """Title 256, description 1,024 characters."""
    told = asff(a_finding(title="x" * 300, text="y" * 3000))

    assert (len(told["Title"]), len(told["Description"])) == (256, 1024)
    assert told["Title"].endswith("…")


def test_the_finding_is_for_the_partition_of_the_key() -> None:
    """In China and GovCloud the ARNs begin otherwise."""
    told = asff(a_finding(key_arn=KEY.replace("arn:aws:", "arn:aws-us-gov:")))

    assert told["ProductArn"].startswith("arn:aws-us-gov:securityhub:us-east-1:123456789012:product/")
    assert told["Resources"][0]["Partition"] == "aws-us-gov"


def test_what_security_hub_refuses_comes_again(account: Account) -> None:
    """Where Security Hub is not enabled, the call fails and people see it."""
    client = hub()
    refuse(client, "BatchImportFindings", "InvalidAccessException")

    with pytest.raises(Exception, match="InvalidAccessException"):
        SecurityHub(client).import_all([asff(opened(account))])


def test_a_finding_that_security_hub_does_not_take_is_not_lost(account: Account) -> None:
    """Security Hub answers 200 and lists what it did not take."""
    client, wrong = hub(), {**asff(opened(account)), "SchemaVersion": "2018-10-08"}
    client.meta.events.register(
        "after-call.securityhub.BatchImportFindings",
        lambda parsed, **_: parsed.update(FailedFindings=[{"ErrorCode": "InvalidInput", "ErrorMessage": "no"}]),
    )

    with pytest.raises(NotAllWereImported, match=r"^1 of 1 findings: InvalidInput: no$"):
        SecurityHub(client).import_all([wrong])


def test_the_event_names_the_key_and_carries_the_finding(account: Account) -> None:
    """Rules can go by source, type and resource."""
    events = boto3.client("events", REGION)
    url = account.sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = account.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="findings", EventPattern=json.dumps({"source": [finding.SOURCE]}))
    events.put_targets(Rule="findings", Targets=[{"Id": "listener", "Arn": arn}])

    Bus(events).put_all([event(a_finding()), event(a_finding(verdict="enclosed"))] * 4)

    got = [json.loads(body) for body in account._take(url)]  # noqa: SLF001 - ours
    assert len(got) == 8
    assert (got[0]["source"], got[0]["detail-type"], got[0]["resources"]) == (
        "kms-perimeter",
        "KMS Perimeter Finding",
        [KEY],
    )
    assert got[0]["detail"] == ocsf(a_finding())


@pytest.mark.usefixtures("account")
def test_an_event_that_the_bus_does_not_take_is_not_lost() -> None:
    """EventBridge answers 200 and marks what it did not take."""
    events = boto3.client("events", REGION)
    events.meta.events.register(
        "after-call.events.PutEvents",
        lambda parsed, **_: parsed.update(FailedEntryCount=1, Entries=[{"ErrorCode": "InternalFailure"}]),
    )

    with pytest.raises(NotAllWerePut, match=r"^1 of 1 events: InternalFailure$"):
        Bus(events).put_all([event(a_finding())])


def test_a_wrong_perimeter_file_is_no_finding_about_a_key() -> None:
    """The message names no key, and reporting must not fail on it."""
    said = perimeter_refused("/kms-perimeter/perimeter", 2, "perimeters: is empty", 1)
    told = {"text": said.text, "data": said.data, "dedup_key": said.dedup_key}

    assert findings_of(told, NOON) == ()
