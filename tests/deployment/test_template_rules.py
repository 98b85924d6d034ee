"""Rules for every function, queue and store of template.yaml, whoever adds one."""

from __future__ import annotations

import re
from typing import Any

from local.embedded import REPOSITORY
from tests.deployment.test_template import functions, resources

STORES = {
    "AWS::DynamoDB::Table": lambda p: p.get("SSESpecification", {}).get("SSEEnabled") is True,
    "AWS::SQS::Queue": lambda p: p.get("SqsManagedSseEnabled") is True or "KmsMasterKeyId" in p,
    "AWS::SNS::Topic": lambda p: "KmsMasterKeyId" in p,
    "AWS::S3::Bucket": lambda p: bool(p.get("BucketEncryption")),
}
"""What keeps data, and how one sees that it is encrypted at rest."""

ALWAYS_ENCRYPTED = {
    "AWS::Logs::LogGroup": "CloudWatch Logs: log group data is always encrypted",
    "AWS::Serverless::Function": "Lambda: encrypts environment variables at rest always",
    "AWS::Scheduler::Schedule": "EventBridge Scheduler: encrypts event metadata and message data that it stores",
    "AWS::Serverless::StateMachine": "Step Functions: always encrypts data at rest, with a key that AWS owns",
    "AWS::Serverless::LayerVersion": "Lambda: encrypts the packages that it stores",
}
KEEPS_NOTHING = re.compile(
    r"AWS::(CloudWatch::(Alarm|Dashboard|CompositeAlarm)|EC2::SecurityGroup|Events::Rule|IAM::(Role|Policy)"
    r"|SNS::(Subscription|TopicPolicy)|SQS::QueuePolicy|S3::BucketPolicy|Lambda::Permission)|Custom::\w+"
)
NOT_ENCRYPTED = {"HealthTopic": "carries names of alarms only, and CloudWatch may not use alias/aws/sns"}


CALLED_BY_A_MAP = {"OnFleetSweep": "FleetSweep"}
"""Functions that only a state machine calls, whose map bounds how many run side by side."""


def queue_of(event: dict[str, Any]) -> str:
    """The logical ID of the queue that an event source reads."""
    return str(event["Properties"]["Queue"]["Fn::GetAtt"][0])


def test_every_function_is_bound_in_what_it_takes_of_the_accounts_concurrency(template: dict[str, Any]) -> None:
    """By the event source that polls for it, or by reserved concurrency, which a small account may decline."""
    for name, function in functions(template).items():
        properties = function["Properties"]
        polled = [event for event in properties.get("Events", {}).values() if event["Type"] == "SQS"]
        if name in CALLED_BY_A_MAP:
            machine = template["Resources"][CALLED_BY_A_MAP[name]]["Properties"]["Definition"]
            assert machine["States"]["EveryPlace"]["MaxConcurrency"] <= 100
            continue
        bound = [event["Properties"].get("ScalingConfig", {}).get("MaximumConcurrency") for event in polled]
        assert (bound and all(bound)) or "ReservedConcurrentExecutions" in properties, name


def test_every_function_sends_traces(template: dict[str, Any]) -> None:
    """And none leaves that off by itself."""
    assert template["Globals"]["Function"]["Tracing"] == "Active"
    assert [name for name, function in functions(template).items() if "Tracing" in function["Properties"]] == []


def test_every_queue_has_dead_letters_or_keeps_them_and_an_alarm_watches(template: dict[str, Any]) -> None:
    """What five tries could not do is kept for two weeks, and somebody hears of it."""
    queues = resources(template, "AWS::SQS::Queue")
    given_up = {name: q["Properties"].get("RedrivePolicy") for name, q in queues.items()}
    fed = {queue_of(e) for f in functions(template).values() for e in f["Properties"].get("Events", {}).values()
           if e["Type"] == "SQS"}  # fmt: skip
    keeping = {name for name, redrive in given_up.items() if redrive is None}

    assert fed == {name for name, redrive in given_up.items() if redrive}
    assert {redrive["deadLetterTargetArn"]["Fn::GetAtt"][0] for redrive in given_up.values() if redrive} <= keeping
    assert {redrive["maxReceiveCount"] for redrive in given_up.values() if redrive} == {5}
    assert {queues[name]["Properties"]["MessageRetentionPeriod"] for name in keeping} == {14 * 24 * 3600}
    assert keeping <= watched(template)


def watched(template: dict[str, Any]) -> set[str]:
    """The queues that an alarm is about which speaks at the first message."""
    return {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in resources(template, "AWS::CloudWatch::Alarm").values()
        if alarm["Properties"].get("MetricName") == "ApproximateNumberOfMessagesVisible"
        and alarm["Properties"]["Threshold"] == 0
        for dimension in alarm["Properties"]["Dimensions"]
    }


def test_everything_is_encrypted_at_rest(template: dict[str, Any]) -> None:
    """Whoever adds something that keeps data says how one sees that it is encrypted."""
    open_ = []
    for name, resource in template["Resources"].items():
        kind = resource["Type"]
        if kind in ALWAYS_ENCRYPTED or KEEPS_NOTHING.fullmatch(kind):
            continue
        assert kind in STORES, f"say in STORES how one sees that {kind} ({name}) is encrypted at rest"
        open_ += [] if STORES[kind](resource["Properties"]) else [name]

    assert open_ == list(NOT_ENCRYPTED)


def test_no_variable_of_a_function_holds_a_secret(template: dict[str, Any]) -> None:
    """Whoever may read a function's configuration may read its variables: they hold the ARNs of secrets."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    secret = [name for name in variables if re.search("SECRET|TOKEN|PASSWORD|WEBHOOK|CREDENTIAL", name)]

    assert [name for name in secret if not name.endswith("_ARN")] == []
    assert [name for name, p in template["Parameters"].items() if p.get("NoEcho")] == []


def test_every_wildcard_has_its_reason_beside_it() -> None:
    """A reader of the template sees why a statement is for all resources, on the same line."""
    lines = (REPOSITORY / "template.yaml").read_text().splitlines()
    wild = [line for line in lines if re.search(r"""Resource: *\[?["']\*["']""", line)]

    assert wild
    assert [line.strip() for line in wild if not re.search(r"#.*\w \w", line)] == []


def test_everybody_is_named_only_to_be_denied(template: dict[str, Any]) -> None:
    """The queues', topics' and buckets' own policies let nobody in by a wildcard."""
    kinds = ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy")
    statements = [
        (name, statement)
        for kind in kinds
        for name, policy in resources(template, kind).items()
        for given in policy["Properties"]["PolicyDocument"]["Statement"]
        for statement in (given["Fn::If"][1] if "Fn::If" in given else given,)
    ]

    assert [name for name, s in statements if "*" in str(s["Principal"]) and s["Effect"] != "Deny"] == []
    covered = {
        reference["Ref"]
        for kind in kinds
        for policy in resources(template, kind).values()
        for reference in named(policy["Properties"])
    }
    assert covered == {
        *resources(template, "AWS::SQS::Queue"),
        *resources(template, "AWS::SNS::Topic"),
        *resources(template, "AWS::S3::Bucket"),
    }


def named(policy: dict[str, Any]) -> list[dict[str, str]]:
    """What a policy is for: several queues or topics, or one bucket."""
    return policy.get("Queues") or policy.get("Topics") or [policy["Bucket"]]


def test_what_is_deployed_for_a_feature_goes_with_its_condition(template: dict[str, Any]) -> None:
    """A function's log group and role exist exactly where the function does."""
    for name, function in functions(template).items():
        for part in ("Logs", "Role"):
            assert template["Resources"][name + part].get("Condition") == function.get("Condition"), name + part
