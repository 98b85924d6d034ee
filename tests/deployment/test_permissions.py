"""Roles hold what their functions need and nothing else: 0 calls that a role refuses, 0 grants that no call needs.

The calls are those that the built functions make while they live through a day (day.py); the roles are those that the
deployment has made. Who decides is iam-simulate, an evaluator by others, with resources and conditions.
"""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployment import day, lambdas_own
from tests.deployment.iam_actions import ANYWHERE, Need, Place, needs_of
from tests.oracles.conftest import simulator  # noqa: F401 - a fixture
from tests.oracles.iam_simulate import ALLOWED, EXPLICITLY_DENIED, IMPLICITLY_DENIED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deployment.stack import Stack
    from tests.oracles.iam_simulate import Simulator

    Policy = dict[str, Any]

pytestmark = [pytest.mark.stack, pytest.mark.node]
STRANGER = "999988887777"
FOR_WHOLE_GROUPS = {
    "SeeWhyTheSweepLeftKeysAlone": "any key may be pending deletion",
    "WriteReports": "one object for each sweep, under one prefix",
    "TakeOnTheRoleOfEachAccount": "the fleet's accounts, which only the state machine's input names",
    "ReadKeysOfThisAccount": "every key is watched",
    "ReadAndRewriteKeyPoliciesOfThisAccount": "every key may have to be fixed",
    "SeeWhetherThePlanIsStale": "a plan may be for any key",
    "LetLambdaConnectItToTheVpc": "EC2 names an interface when it makes it; the subnets are a list",
    "AndDisconnectItAgain": "EC2 names an interface only when it makes it",
    "WriteItsOwnLogs": "the log streams of one group",
}
"""Statements whose resource ends with a wildcard, and why."""


@pytest.fixture(scope="module")
def needs(stack: Stack) -> dict[str, set[Need]]:
    """What each function has needed in a day, and what Lambda needs of its role besides; by the function's name."""
    day.live(stack)
    place = Place(stack.aws.account, stack.aws.region)
    return {name: _needs_of_function(stack, name, place) for name in stack.code.folders}


def _needs_of_function(stack: Stack, name: str, place: Place) -> set[Need]:
    calls = stack.calls(name)
    assert calls is not None, (
        f"tests/deployment/day.py never lets {name} run: add there what makes it do all that it can"
    )
    return {need for call in calls for need in needs_of(call, place)} | set(lambdas_own.needs(stack, name))


@pytest.fixture(scope="module")
def policies(stack: Stack) -> dict[str, Policy]:
    """The one policy of each function's role, by the function's name."""
    return {name: _policy_of(stack, stack.configuration(name)["Role"]) for name in stack.code.folders}


def _policy_of(stack: Stack, role_arn: str) -> Policy:
    iam, role = stack.aws.client("iam"), role_arn.rsplit("/", 1)[-1]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    policy: Policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    return policy


def question(policy: Policy, need: Need, **context: str) -> dict[str, Any]:
    """May a role with this policy do what is needed? A key's own policy leaves it to IAM, as the default one does."""
    account = need.resource.split(":")[4] if need.resource != ANYWHERE else ""
    account = account or "111122223333"
    of_key = need.action.startswith("kms:") and need.resource != ANYWHERE
    return {
        "identity": [policy],
        "policy": left_to_iam(account) if of_key else None,
        "principal": "arn:aws:sts::111122223333:assumed-role/role/function",
        "action": need.action,
        "resource": need.resource,
        "account": account,
        "context": {**dict(need.context), **context},
    }


def left_to_iam(account: str) -> Policy:
    """A key policy that leaves everything to the account's IAM policies."""
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def grants(policy: Policy) -> Iterator[tuple[str, str, str, Policy]]:
    """Each permission of a policy: its Sid, action and resource, and the policy that lacks only this one."""
    for index, statement in enumerate(policy["Statement"]):
        if statement["Effect"] == "Allow":
            actions, resources = listed(statement["Action"]), listed(statement["Resource"])
            for action, resource in itertools.product(actions, resources):
                yield statement["Sid"], action, resource, _without(policy, index, action, resource)


def listed(value: str | list[str]) -> list[str]:
    """One or several, as several."""
    return [value] if isinstance(value, str) else value


def _without(policy: Policy, index: int, action: str, resource: str) -> Policy:
    lacking = copy.deepcopy(policy)
    statement = lacking["Statement"].pop(index)
    for kept_action, kept_resource in itertools.product(listed(statement["Action"]), listed(statement["Resource"])):
        if (kept_action, kept_resource) != (action, resource):
            lacking["Statement"].append({**statement, "Action": kept_action, "Resource": kept_resource})
    return lacking


def test_every_call_is_allowed(simulator: Simulator, needs: dict[str, set[Need]], policies: dict[str, Policy]) -> None:  # noqa: F811
    """0 calls that a function makes are refused by its role."""
    asked = [(name, need) for name, needed in needs.items() for need in needed]

    answers = simulator.ask([question(policies[name], need) for name, need in asked])

    refused = [
        f"{name} may not {need.action} on {need.resource}, for {need.why}"
        for (name, need), answer in zip(asked, answers, strict=True)
        if answer != ALLOWED
    ]
    assert refused == []


def test_every_grant_is_needed(simulator: Simulator, needs: dict[str, set[Need]], policies: dict[str, Policy]) -> None:  # noqa: F811
    """0 permissions could be taken away without a call being refused."""
    unused: list[str] = []
    for name, policy in policies.items():
        for sid, action, resource, lacking in grants(policy):
            by_it = [question(lacking, need) for need in needs[name] if need.action.lower() == action.lower()]
            if all(answer == ALLOWED for answer in simulator.ask(by_it)):
                unused.append(f"{name}: nothing needs {action} on {resource} ({sid})")

    assert unused == []


def test_no_grant_reaches_another_account(
    simulator: Simulator,  # noqa: F811
    needs: dict[str, set[Need]],
    policies: dict[str, Policy],
) -> None:
    """The same call on a resource of the same name in somebody else's account is refused by the role already."""
    asked = [
        question(policies[name], _elsewhere(need))
        for name, needed in needs.items()
        for need in needed
        if need.resource != ANYWHERE and need.action != "sts:AssumeRole"
    ]

    assert set(simulator.ask(asked)) == {IMPLICITLY_DENIED}


def _elsewhere(need: Need) -> Need:
    """The ARN of a bucket names no account, so the policy must ask whose the bucket is."""
    *parts, account, resource = need.resource.split(":", 5)
    arn = ":".join([*parts, STRANGER if account else "", resource])
    context = tuple((key, STRANGER if key == "aws:ResourceAccount" else value) for key, value in need.context)
    return Need(need.action, arn, need.why, context)


def test_no_grant_is_for_more_than_one_thing_but_for_a_reason(policies: dict[str, Policy]) -> None:
    """A wildcard within a resource is written down above, with what for."""
    wide = {
        sid
        for policy in policies.values()
        for sid, _, resource, _ in grants(policy)
        if "*" in resource and resource != ANYWHERE
    }

    assert wide == set(FOR_WHOLE_GROUPS)


def test_no_function_may_change_a_key_but_the_remediation(
    simulator: Simulator,  # noqa: F811
    stack: Stack,
    policies: dict[str, Policy],
) -> None:
    """And that one not without KMS's lockout check."""
    put = Need("kms:PutKeyPolicy", f"arn:aws:kms:us-east-1:{stack.aws.account}:key/1234abcd", "")
    checked = [question(policy, put, **{"kms:BypassPolicyLockoutSafetyCheck": "false"}) for policy in policies.values()]
    bypassed = question(policies["OnRemediation"], put, **{"kms:BypassPolicyLockoutSafetyCheck": "true"})

    allowed = [name for name, answer in zip(policies, simulator.ask(checked), strict=True) if answer == ALLOWED]

    assert allowed == ["OnRemediation"]
    assert simulator.ask([bypassed]) == [EXPLICITLY_DENIED]


def test_only_lambda_may_touch_the_network_and_not_the_code(
    simulator: Simulator,  # noqa: F811
    stack: Stack,
    policies: dict[str, Policy],
) -> None:
    """A call that the function's code makes carries the function's ARN; Lambda's own do not."""
    interface = f"arn:aws:ec2:us-east-1:{stack.aws.account}:network-interface/eni-0a1b2c3d"
    delete = Need("ec2:DeleteNetworkInterface", interface, "")
    placed = [name for name in policies if stack.network(name)]
    arns = {name: stack.configuration(name)["FunctionArn"] for name in placed}
    by_code = [question(policies[name], delete, **{"lambda:SourceFunctionArn": arns[name]}) for name in placed]

    assert placed == ["OnKeyChange", "OnRemediation"]
    assert set(simulator.ask(by_code)) == {EXPLICITLY_DENIED}


def test_every_role_is_some_functions_own(stack: Stack) -> None:
    """One role for each function; others let the schedule order sweeps, a fleet be swept and events go out."""
    roles = {role["Arn"] for role in stack.aws.client("iam").list_roles()["Roles"]}
    of_functions = [stack.configuration(name)["Role"] for name in stack.code.folders]

    others = {role.rsplit("/", 1)[-1].rsplit("-", 1)[0] for role in roles - set(of_functions)}
    assert len(set(of_functions)) == len(of_functions)
    assert others == {
        "kms-perimeter-SweepOnScheduleRole",
        "kms-perimeter-FleetSweepRole",
        "kms-perimeter-FindingsForTheCentreRole",
    }
