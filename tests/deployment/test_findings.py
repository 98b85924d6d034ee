"""An alert becomes a finding: in Security Hub, on this account's bus, and on the bus of the central account."""

import json
from typing import Any

import pytest

from tests.deployment.stack import Stack, queue_arn, sns_event

pytestmark = pytest.mark.stack


def listener(stack: Stack, bus: str) -> str:
    """The URL of a queue that gets every finding that comes over a bus."""
    sqs, events = stack.aws.client("sqs"), stack.aws.client("events")
    url = str(sqs.create_queue(QueueName=f"findings-on-{bus}")["QueueUrl"])
    pattern = json.dumps({"source": ["kms-perimeter"]})
    events.put_rule(Name=f"listen-{bus}", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule=f"listen-{bus}", EventBusName=bus, Targets=[{"Id": "queue", "Arn": queue_arn(url)}])
    return url


def heard(stack: Stack, url: str) -> dict[str, Any]:
    """The event that a listener gets."""
    (message,) = stack.take_messages(url, wait=5)
    event: dict[str, Any] = json.loads(message["Body"])
    return event


def test_an_alert_is_reported_wherever_it_is_asked_for(stack: Stack) -> None:
    """The same finding goes to all three, under the ID by which a later alert closes it."""
    here, central = listener(stack, "default"), listener(stack, "central")
    key = stack.make_key(Tags=[{"TagKey": "Environment", "TagValue": "production"}])
    stack.run()
    alert = next(alert for alert in stack.alerts() if json.loads(alert["Message"])["data"].get("key") == key)

    answer = stack.invoke("OnFinding", sns_event(alert))

    event, forwarded = heard(stack, here), heard(stack, central)
    finding = stack.hub.findings[f"{key}/network-perimeter"]
    assert answer is None, stack.log("OnFinding")
    assert (event["detail-type"], event["resources"]) == ("KMS Perimeter Finding", [key])
    assert forwarded["detail"] == event["detail"]
    assert event["detail"]["finding_info"]["uid"] == finding["Id"]
    assert (finding["Compliance"]["Status"], finding["RecordState"]) == ("FAILED", "ACTIVE")
