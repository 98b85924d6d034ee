"""In the mode `alert` nothing is deployed that could change a key."""

import json

import pytest

from local.stage import Stage, about

pytestmark = pytest.mark.stack


def test_deploys_nothing_that_changes_a_key(watching: Stage) -> None:
    """No function, no queue, no role for remediation; no role of the stack may call PutKeyPolicy."""
    described = watching.aws.client("cloudformation").describe_stack_resources(StackName="kms-perimeter")
    iam = watching.aws.client("iam")
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    policies = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for role in roles
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]

    assert [r for r in described["StackResources"] if "Remediat" in r["LogicalResourceId"]] == []
    assert [name for name in watching.outputs if "Remediat" in name or "Guard" in name] == []
    assert len(policies) >= 3
    assert "PutKeyPolicy" not in json.dumps(policies)


def test_tells_and_leaves_the_key_as_it_is(watching: Stage) -> None:
    """An open key is told about once, on SNS and in Slack, and stays open."""
    kms = watching.aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    default = kms.get_key_policy(KeyId=key)["Policy"]

    alert = watching.alerts.wait_for(about(key), "the alert")
    sweep = watching.sweep()
    again = watching.journal.wait_for("the sweep's look at it", key=key, cause=sweep)

    assert (alert.data["kind"], again.done) == ("alert", "quiet")
    assert watching.slack_about(key, 1) == [alert.text]
    assert watching.keys.policy(key) == default
    assert len(watching.alerts.those(about(key))) == 1
    assert watching.failures() == []
