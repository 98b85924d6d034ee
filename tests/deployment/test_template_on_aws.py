"""What AWS's documentation says of the parts of a template and no linter looks at, for all templates."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployment.test_template import resources
from tests.operations.conftest import read

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATES = ("template.yaml", "central.yaml", "stackset.yaml", "docs/examples/fleet-role.yaml")
KINDS = ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy")
ENVIRONMENT = 4096  # bytes; Lambda: "The total size of all environment variables doesn't exceed 4 KB", names included
LONGEST = {
    "sqs": "https://sqs.ap-southeast-1.amazonaws.com/111122223333/" + 80 * "q",
    "sns": "arn:aws:sns:ap-southeast-1:111122223333:" + 128 * "t",
    "role": "arn:aws-us-gov:iam::111122223333:role/" + 64 * "r",
    "table": 128 * "t",
    "bucket": 63 * "b",
    "stack": 128 * "s",
    "account": "111122223333",
}
"""What CloudFormation makes, at its longest; a name that it makes up takes in that of the stack, of 128 letters."""
MADE = {
    "ChangesQueue": "sqs",
    "RemediationsQueue": "sqs",
    "DigestQueue": "sqs",
    "AnswersQueue": "sqs",
    "SweepsQueue": "sqs",
    "AlertsTopic": "sns",
    "OnRemediationRole": "role",
    "Ledger": "table",
    "Reports": "bucket",
    "AWS::StackName": "stack",
    "AWS::AccountId": "account",
}


def strings(value: object) -> Iterator[str]:
    """All strings of some JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


def policies(name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The statements of each policy of a queue, a topic or a bucket, by its logical ID."""
    for kind in KINDS:
        for logical, policy in resources(read(name), kind).items():
            given = policy["Properties"]["PolicyDocument"]["Statement"]
            yield logical, [one["Fn::If"][1] if "Fn::If" in one else one for one in given]


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_resource_names_a_partition(name: str) -> None:
    """In GovCloud and China every ARN begins otherwise, the one by which a state machine calls a function too."""
    assert [text for text in strings(read(name)["Resources"]) if "arn:aws:" in text] == []


@pytest.mark.parametrize("name", ["template.yaml", "central.yaml"])
def test_nobody_sends_without_tls(name: str) -> None:
    """Each queue, topic and bucket denies it, whoever it is."""
    denied = {
        logical: [
            (statement["Effect"], statement["Principal"])
            for statement in statements
            if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        for logical, statements in policies(name)
    }

    assert denied
    assert denied == {logical: [("Deny", "*")] for logical in denied}


@pytest.mark.parametrize("name", ["template.yaml", "central.yaml"])
def test_eventbridge_is_let_into_topics_without_a_condition(name: str) -> None:
    """EventBridge's user guide: "You can't use `Condition` blocks in Amazon SNS topic policies for EventBridge"."""
    topics = [(logical, s) for logical, statements in policies(name) if "Topic" in logical for s in statements]
    for logical, statement in topics:
        if statement["Principal"] == {"Service": "events.amazonaws.com"}:
            assert (statement["Effect"], "Condition" in statement) == ("Allow", False)
            others = [s for named, s in topics if named == logical and s["Sid"] == "ButNoRuleOfAnotherAccount"]
            assert [one["Condition"]["Null"] for one in others] == [{"aws:SourceAccount": "false"}]


@pytest.mark.parametrize("name", ["template.yaml", "central.yaml"])
def test_every_rule_may_deliver_and_leave_what_it_cannot(name: str) -> None:
    """A rule with a queue as its target, or as its dead letters, is named by that queue's policy."""
    told = dict(policies(name))
    sources = {
        queue["Fn::GetAtt"][0]: json.dumps([s.get("Condition") for s in statements])
        for statements in told.values()
        for statement in statements
        for queue in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])
        if "Fn::GetAtt" in queue and statement["Principal"] == {"Service": "events.amazonaws.com"}
    }
    for logical, rule in resources(read(name), "AWS::Events::Rule").items():
        for target in rule["Properties"]["Targets"]:
            needed = [target["Arn"], target["DeadLetterConfig"]["Arn"]]
            queues = [arn["Fn::GetAtt"][0] for arn in needed if "Fn::GetAtt" in arn]
            assert all(f'["{logical}", "Arn"]' in sources[queue] for queue in queues), logical


def test_the_environment_fits_into_lambda(template: dict[str, Any]) -> None:
    """With every parameter at its longest: else a list that is too long fails the deployment, or the next one."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]

    size = sum(len(name) + _longest(value, template) for name, value in variables.items())

    assert size <= ENVIRONMENT


def _longest(value: Any, template: dict[str, Any]) -> int:  # noqa: ANN401 - JSON
    match value:
        case str():
            return len(value)
        case {"Fn::If": [_, yes, no]}:
            return max(_longest(yes, template), _longest(no, template))
        case {"Ref": name} | {"Fn::GetAtt": [name, _]} if name in MADE:
            return len(LONGEST[MADE[name]])
        case {"Ref": name}:
            return _longest_of(template["Parameters"][name])
        case {"Fn::Join": _}:
            return 3
    raise ValueError(value)


def _longest_of(parameter: dict[str, Any]) -> int:
    if "AllowedValues" in parameter:
        return max(len(str(one)) for one in parameter["AllowedValues"])
    if parameter["Type"] == "Number":
        return len(str(parameter["MaxValue"]))
    if "MaxLength" in parameter:
        return int(parameter["MaxLength"])
    return _by_pattern(parameter["AllowedPattern"])


def _by_pattern(pattern: str) -> int:
    """Of one short ID, such as a VPC's; a pattern that takes any number of something has no longest."""
    assert not re.search(r"[*+]", pattern.replace("127\\.0\\.0\\.1:[0-9]{1,5}", "")), pattern
    return 40
