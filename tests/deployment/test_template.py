"""Rules for template.yaml that no general linter knows."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from kms_perimeter import sweep
from kms_perimeter.settings import Settings
from local.embedded import REPOSITORY

KEYS_PER_WORKER = 20  # keys a second: less than what one worker does, so that the rate is the limit and not the worker
WITHOUT_RESOURCE = {
    "kms:ListKeys",
    "kms:ListAliases",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
"""Actions that know no resource, by the Service Authorization Reference."""


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type, by their logical ID."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The functions, by their logical ID."""
    return resources(template, "AWS::Serverless::Function")


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The statements of a role's own policies, those behind a condition included."""
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions(statement: dict[str, Any]) -> set[str]:
    """The actions of a statement."""
    named = statement["Action"]
    return {named} if isinstance(named, str) else set(named)


def test_only_the_remediation_may_change_a_key(template: dict[str, Any]) -> None:
    """One role holds kms:PutKeyPolicy, it may not skip the lockout check, and it exists only with remediation."""
    holders = {
        name
        for name, role in resources(template, "AWS::IAM::Role").items()
        for statement in statements(role)
        if statement["Effect"] == "Allow" and "kms:PutKeyPolicy" in actions(statement)
    }
    guard = template["Resources"]["OnRemediationRole"]
    denied = [s for s in statements(guard) if s["Effect"] == "Deny" and any(a.startswith("kms:") for a in actions(s))]

    assert holders == {"OnRemediationRole"}
    assert guard["Condition"] == "MayRemediate"
    assert [(actions(s), s["Condition"]) for s in denied] == [
        ({"kms:PutKeyPolicy"}, {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}})
    ]


def test_no_permission_is_wider_than_it_must_be(template: dict[str, Any]) -> None:
    """No wildcard in an action; a wildcard resource only for actions that know no other."""
    allowed = [
        statement
        for role in resources(template, "AWS::IAM::Role").values()
        for statement in statements(role)
        if statement["Effect"] == "Allow"
    ]

    assert not [action for statement in allowed for action in actions(statement) if "*" in action]
    anywhere = [statement for statement in allowed if statement["Resource"] == "*"]
    assert {action for statement in anywhere for action in actions(statement)} <= WITHOUT_RESOURCE


def test_every_statement_has_a_sid_that_reads_as_a_sentence(template: dict[str, Any]) -> None:
    """Whoever looks at a role in the console sees what each statement is for."""
    sids = [
        statement["Sid"] for role in resources(template, "AWS::IAM::Role").values() for statement in statements(role)
    ]

    assert all(re.fullmatch(r"([A-Z][a-z]+){2,}", sid) for sid in sids)


def test_the_guard_stands_in_a_vpc_only_where_all_of_it_is_given(template: dict[str, Any]) -> None:
    """What reads and what changes key policies can be placed in a VPC; a half-said place is refused beforehand."""
    placed = {
        name: f["Properties"]["VpcConfig"] for name, f in functions(template).items() if "VpcConfig" in f["Properties"]
    }
    given = ["SubnetIds", "SecurityGroupIds", "GuardVpcId", "GuardVpcEndpointId"]
    (rule,) = template["Rules"]["TheGuardHasOnePlace"]["Assertions"]
    none, every = rule["Assert"]["Fn::Or"]

    assert set(placed) == {"OnKeyChange", "OnRemediation"}
    assert {config["Fn::If"][0] for config in placed.values()} == {"RunsInVpc"}
    assert none["Fn::And"] == [{"Fn::Equals": [{"Ref": name}, ""]} for name in given]
    assert every["Fn::And"] == [{"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in given]


def test_who_stands_in_a_vpc_may_be_connected_to_it_by_lambda_only(template: dict[str, Any]) -> None:
    """Lambda needs the role for the network interfaces; the function's own code is denied all of EC2."""
    for name in ("OnKeyChangeRole", "OnRemediationRole"):
        about = [s for s in statements(template["Resources"][name]) if any(a.startswith("ec2:") for a in actions(s))]

        *allowed, denied = about
        assert {s["Effect"] for s in allowed} == {"Allow"}
        assert (denied["Effect"], denied["Action"]) == ("Deny", "ec2:*")
        assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_each_function_has_a_role_of_its_own(template: dict[str, Any]) -> None:
    """No function holds what another one needs."""
    roles = [function["Properties"]["Role"]["Fn::GetAtt"] for function in functions(template).values()]

    assert roles == [[f"{name}Role", "Arn"] for name in functions(template)]


def test_each_function_has_a_log_group_with_retention(template: dict[str, Any]) -> None:
    """Logs end at some time, and a role may write to its function's own group only."""
    for name, function in functions(template).items():
        assert function["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}
        assert template["Resources"][f"{name}Logs"]["Properties"]["RetentionInDays"]
        logging = [s for s in statements(template["Resources"][f"{name}Role"]) if s["Sid"] == "WriteItsOwnLogs"]
        assert [s["Resource"] for s in logging] == [{"Fn::GetAtt": [f"{name}Logs", "Arn"]}]


def test_nothing_that_fails_is_lost(template: dict[str, Any]) -> None:
    """A function is fed by a queue with a dead-letter queue, or leaves its failures in one, or its caller is told.

    The caller is CloudFormation, which fails the deployment, Slack, which tells the one who pressed, or a state
    machine, whose failed execution has an alarm.
    """
    asked_by_a_state_machine = template["Resources"]["FleetSweep"]["Properties"]["DefinitionSubstitutions"]["Function"]
    asked_by_cloudformation = template["Resources"]["PerimeterFileIsGood"]["Properties"]["ServiceToken"]
    for name, function in functions(template).items():
        if {"Fn::GetAtt": [name, "Arn"]} in (asked_by_cloudformation, asked_by_a_state_machine):
            continue
        properties = function["Properties"]
        if "FunctionUrlConfig" in properties:
            continue
        events = properties.get("Events", {}).values()
        fed = [event["Properties"]["Queue"] for event in events if event["Type"] == "SQS"]
        kept = properties.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure")
        dead = [template["Resources"][queue["Fn::GetAtt"][0]]["Properties"]["RedrivePolicy"] for queue in fed]
        assert dead or kept


def test_every_queue_for_failures_has_an_alarm(template: dict[str, Any]) -> None:
    """What is given up is seen by people."""
    targets = {
        queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in resources(template, "AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue["Properties"]
    } | {"FailedInvocations"}
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in resources(template, "AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Properties"].get("Dimensions", ())
        if "Fn::GetAtt" in dimension["Value"] and alarm["Properties"]["AlarmActions"] == [{"Ref": "HealthTopic"}]
    }

    assert targets <= watched


def test_a_sweep_that_does_not_come_is_missed(template: dict[str, Any]) -> None:
    """The heartbeat that on_sweep leaves is the one that the alarm listens for, and its absence for a day is told.

    CloudWatch "attempts to retrieve a higher number of data points" than asked for, and goes by an older one: of days
    that would be days more, of hours it is hours.
    """
    alarm = template["Resources"]["SweepsHaveStopped"]["Properties"]
    variables = template["Globals"]["Function"]["Environment"]["Variables"]

    assert alarm["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]
    assert f'name="{alarm["MetricName"]}"' in (REPOSITORY / "functions" / "on_sweep" / "handler.py").read_text()
    assert alarm["InsufficientDataActions"] == [{"Ref": "HealthTopic"}]
    assert (alarm["Period"], alarm["EvaluationPeriods"] * alarm["Period"]) == (3600, 86400)


def test_every_share_of_the_quotas_has_its_number_of_workers(template: dict[str, Any]) -> None:
    """The functions that look at keys side by side divide the rate, so each must know how many they are at most."""
    shares = template["Parameters"]["SweepQuotaShare"]["AllowedValues"]
    workers = template["Mappings"]["SweepWorkers"]
    count = {"Fn::FindInMap": ["SweepWorkers", {"Ref": "SweepQuotaShare"}, "Count"]}
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    changes = template["Resources"]["OnKeyChange"]["Properties"]["Events"]["Changes"]["Properties"]

    assert {int(share): row["Count"] for share, row in workers.items()} == {
        share: max(2, math.ceil(sweep.keys_per_second(share, with_aliases=False) / KEYS_PER_WORKER)) for share in shares
    }
    assert variables["SWEEP_WORKERS"] == {"Fn::Join": ["", [count]]}
    assert changes["ScalingConfig"]["MaximumConcurrency"] == count


def test_what_the_schedule_delivers_twice_is_one_sweep(template: dict[str, Any]) -> None:
    """Scheduler delivers at least once; the time that it means is the sweep's ID."""
    target = template["Resources"]["SweepOnSchedule"]["Properties"]["Target"]

    assert json.loads(target["Input"]) == {"sweep": "<aws.scheduler.scheduled-time>"}
    assert target["Arn"] == {"Fn::GetAtt": ["SweepsQueue", "Arn"]}
    assert template["Resources"]["OnSweep"]["Properties"]["RecursiveLoop"] == "Allow"


def test_a_queue_hides_a_message_for_six_times_the_functions_timeout(template: dict[str, Any]) -> None:
    """AWS asks for that, and for the time that a batch gathers: a slow run is not overtaken by its own message."""
    usual = template["Globals"]["Function"]["Timeout"]
    for function in functions(template).values():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "SQS":
                queue = template["Resources"][event["Properties"]["Queue"]["Fn::GetAtt"][0]]
                gathers = event["Properties"].get("MaximumBatchingWindowInSeconds", 0)
                least = 6 * function["Properties"].get("Timeout", usual) + gathers
                assert queue["Properties"]["VisibilityTimeout"] >= least


def test_remediation_exists_only_where_the_mode_allows_it(template: dict[str, Any]) -> None:
    """In mode alert no resource of the stack can change a key, or ask for it."""
    of_remediation = {name for name in template["Resources"] if "Remediation" in name}
    both = {"Fn::And": [{"Condition": "WarnsEarly"}, {"Condition": "MayRemediate"}]}

    assert of_remediation
    for name in of_remediation - {"RemediationRunsBreakOff"}:
        assert template["Resources"][name]["Condition"] == "MayRemediate"
    assert template["Conditions"][template["Resources"]["RemediationRunsBreakOff"]["Condition"]] == both
    assert template["Parameters"]["Mode"]["Default"] == "alert"


def test_slack_is_let_in_only_where_it_is_asked_for(template: dict[str, Any]) -> None:
    """No public URL without a signing secret, none in the mode alert, and a bound to what a flood of calls can take."""
    public = {name for name, function in functions(template).items() if "FunctionUrlConfig" in function["Properties"]}
    of_answers = {name for name in template["Resources"] if name.startswith(("OnSlack", "OnAnswer", "Answers"))}

    assert public == {"OnSlack"}
    assert template["Conditions"]["HasButtons"]["Fn::And"][0] == {"Condition": "MayRemediate"}
    assert {template["Resources"][name]["Condition"] for name in of_answers} == {"HasButtons"}
    assert template["Resources"]["OnSlack"]["Properties"]["ReservedConcurrentExecutions"] <= 10


def test_who_may_be_called_by_anybody_can_do_next_to_nothing(template: dict[str, Any]) -> None:
    """The function behind the public URL reads one secret and fills one queue: no key, no ledger, no remediation."""
    allowed = {action for s in statements(template["Resources"]["OnSlackRole"]) for action in actions(s)}

    assert {a for a in allowed if not a.startswith(("logs:", "xray:"))} == {
        "secretsmanager:GetSecretValue",
        "sqs:SendMessage",
    }


def test_the_environment_is_exactly_the_settings(template: dict[str, Any]) -> None:
    """Each variable that the template sets is a field of Settings, and the reverse; no function has others."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    ours = {name for name in variables if not name.startswith("POWERTOOLS_")}
    renamed = {"contested_window": "CONTESTED_WINDOW_MINUTES"}

    assert ours == {renamed.get(field.name, field.name.upper()) for field in fields(Settings)}
    assert not [name for name, function in functions(template).items() if "Environment" in function["Properties"]]


def test_only_settings_reads_the_environment() -> None:
    """The names of variables are known in one place."""
    package = REPOSITORY / "layers" / "kms_perimeter" / "python" / "kms_perimeter"
    shipped = [path for path in package.rglob("*.py") if "cli" not in path.relative_to(package).parts]
    shipped += (REPOSITORY / "functions").rglob("*.py")
    reading = {path.name for path in shipped if re.search(r"os\.environ|getenv", path.read_text())}

    assert reading == {"assembly.py"}


def test_the_ledger_outlives_the_stack(template: dict[str, Any]) -> None:
    """The policies that were replaced are in it."""
    ledger = template["Resources"]["Ledger"]

    assert ledger["DeletionPolicy"] == ledger["UpdateReplacePolicy"] == "Retain"
    assert ledger["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert ledger["Properties"]["DeletionProtectionEnabled"] is True


def test_reports_are_private_and_outlive_the_stack(template: dict[str, Any]) -> None:
    """Only the account gets at them, over TLS; what is overwritten or deleted is kept for a while."""
    bucket = template["Resources"]["Reports"]
    given = bucket["Properties"]
    (rule,) = given["LifecycleConfiguration"]["Rules"]
    (statement,) = template["Resources"]["ReportsPolicy"]["Properties"]["PolicyDocument"]["Statement"]

    for kept in (bucket, template["Resources"]["ReportsPolicy"]):
        assert kept["DeletionPolicy"] == kept["UpdateReplacePolicy"] == "Retain"
    assert set(given["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(given["PublicAccessBlockConfiguration"]) == 4
    assert given["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert given["VersioningConfiguration"] == {"Status": "Enabled"}
    assert rule["ExpirationInDays"] == rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_who_reports_reads_no_policy_and_writes_only_reports(template: dict[str, Any]) -> None:
    """It knows the ledger and the names of keys, and adds to the ledger what is about sweeps alone."""
    about = {s["Sid"]: s for s in statements(template["Resources"]["OnReportRole"])}
    allowed = {action for statement in about.values() for action in actions(statement)}

    assert not {a for a in allowed if a.startswith(("kms:", "s3:"))} - {
        "kms:ListKeys",
        "kms:ListAliases",
        "kms:DescribeKey",
        "s3:PutObject",
    }
    assert not allowed & {"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Scan"}
    assert about["AddTheCountsOfSweepsToIt"]["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["sweeps", "sweep/*"]}
    }
    assert about["WriteReports"]["Resource"] == {"Fn::Sub": "${Reports.Arn}/reports/*"}


def test_all_that_is_for_reports_goes_with_the_parameter(template: dict[str, Any]) -> None:
    """Without reports there is no bucket, and the lister may say nothing on the bus."""
    of_reports = {n for n in template["Resources"] if n.startswith(("OnReport", "Reports"))}
    on_the_bus = [
        statement["Fn::If"][0]
        for policy in template["Resources"]["OnSweepRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "Fn::If" in statement
    ]

    assert {template["Resources"][name]["Condition"] for name in of_reports} == {"HasReport"}
    assert len(of_reports) == 5
    assert on_the_bus == ["HasReport"]


def test_no_resource_has_a_fixed_name(template: dict[str, Any]) -> None:
    """Two stacks can live side by side, and CloudFormation can replace what it must."""
    names = (
        "RoleName",
        "QueueName",
        "TopicName",
        "TableName",
        "BucketName",
        "FunctionName",
        "LogGroupName",
        "LayerName",
        "AlarmName",
    )
    named = [
        (logical, name)
        for logical, resource in template["Resources"].items()
        for name in names
        if name in resource.get("Properties", {})
    ]

    assert named == []


def test_the_runtime_is_named_once(template: dict[str, Any]) -> None:
    """The layer is built for the runtime that template.yaml names; no other place names one."""
    runtime = template["Globals"]["Function"]["Runtime"]
    naming = [
        path.name
        for path in (REPOSITORY / "template.yaml", REPOSITORY / "samconfig.toml", REPOSITORY / "Makefile")
        for _ in range(path.read_text().count(runtime))
    ] + [path.name for path in (REPOSITORY / "layers").rglob("*") if path.is_file() and _names(path, runtime)]

    assert naming == ["template.yaml"]


def _names(path: Path, runtime: str) -> bool:
    return path.suffix in ("", ".txt", ".toml") and runtime in path.read_text(errors="ignore")
