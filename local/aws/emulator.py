"""The one door to ministack's inside: no other module of the project imports it.

What is asked here cannot be asked over ministack's API: an event with an `aws.*` source on the default bus, a role
session for each function, whether a principal exists, a key that AWS manages. Pinned to ministack 1.5.33.
"""

# ruff: noqa: SLF001 - the inside is what this door is for

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from ministack.app import app
from ministack.core import hypercorn_compat, lambda_runtime
from ministack.core.responses import get_account_id, get_region, request_scope, set_request_account_id
from ministack.core.router import extract_access_key_id, extract_region
from ministack.services import eventbridge, iam, kms, lambda_svc, scheduler, stepfunctions, sts

from local.aws.http import Application

application: Application = app
"""ministack itself: what the layer stands in front of."""


@dataclass(frozen=True)
class Scope:
    """The account and the Region that a request is about."""

    account: str
    region: str


def read_scope(headers: dict[str, str]) -> tuple[str, Scope]:
    """The access key ID that signed a request, and the account and Region that this makes it about."""
    access_key = extract_access_key_id(headers, {})
    with request_scope(get_account_id(), get_region()):
        set_request_account_id(access_key)
        return access_key, Scope(get_account_id(), extract_region(headers, {}))


def session_of(access_key: str) -> str | None:
    """The ARN of the role session that an access key was issued for, or None."""
    session = sts._sessions.get(access_key)
    return str(session["Arn"]) if session else None


def principal_exists(arn: str) -> bool:
    """Whether IAM has this user or this role (for a role session: its role)."""
    _, _, service, _, account, resource = arn.split(":", 5)
    kind, _, path = resource.partition("/")
    if service == "sts":
        role = path.split("/")[0]
        return kind == "federated-user" or role in _names(iam._roles, account)
    table = {"user": iam._users, "role": iam._roles}.get(kind)
    return table is not None and arn in _arns(table, account)


def find_key(scope: Scope, reference: str) -> dict[str, Any] | None:
    """The record that ministack keeps of the key that an ID, an ARN or an alias means, or None."""
    with request_scope(scope.account, scope.region):
        found: dict[str, Any] | None = kms._resolve_key(reference)
    return found


def alias_target(scope: Scope, alias: str) -> str | None:
    """The ARN of the key that an alias points to, or None."""
    key = find_key(scope, alias)
    return str(key["Arn"]) if key else None


def publish(scope: Scope, entry: dict[str, Any]) -> None:
    """Put an event on the default bus as AWS's own services do: with a source that `PutEvents` refuses to others."""
    with request_scope(scope.account, scope.region):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def add_managed_key(scope: Scope, alias: str) -> dict[str, str]:
    """Make the AWS managed key of a service, `aws/ebs` for example, as its first use does; give its ID and ARN."""
    with request_scope(scope.account, scope.region):
        policy = json.dumps(_managed_key_policy(scope, alias.removeprefix("aws/")))
        answer = kms._create_key({"Policy": policy, "Description": f"Default key for {alias}"})
        key_id = json.loads(answer[2])["KeyMetadata"]["KeyId"]
        kms._keys[key_id]["KeyManager"] = "AWS"
        kms._create_alias({"AliasName": f"alias/{alias}", "TargetKeyId": key_id})
        return {"KeyId": key_id, "Arn": kms._keys[key_id]["Arn"]}


def is_managed(key: dict[str, Any]) -> bool:
    """Whether AWS manages this key, so that nobody else can change it."""
    return key.get("KeyManager") == "AWS"


def prepare() -> None:
    """Set ministack up as this project wants it, once, before it serves."""
    hypercorn_compat.install()
    # ministack gives every function the account's own key; on AWS each calls as a session of its role.
    lambda_runtime.execution_credentials = _role_session
    lambda_svc.execution_credentials = _role_session
    # Seconds between looks at the schedules; ministack takes ten.
    scheduler._SCHEDULE_TICK_INTERVAL = 1
    # Of a state machine's waits, so that nobody waits for minutes here.
    stepfunctions._SFN_WAIT_SCALE = 0.05
    # Seconds that ministack waits for what a function has logged: for the first line, after the last, and at the most.
    # Its own 0.05, 0.005 and 0.25 lose lines on a busy machine, which no log group on AWS does.
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.5, 0.03, 2.0)


def stop_functions() -> None:
    """End every process that runs a function."""
    lambda_runtime.reset()


def _role_session(function: dict[str, Any]) -> dict[str, str]:
    name, role = function["FunctionName"], function["Role"]
    digest = hashlib.sha256(f"{name}:{role}".encode()).hexdigest()
    access_key = f"ASIA{digest[:16].upper()}"
    role_name = role.rsplit("/", 1)[-1]
    account = role.split(":")[4]
    session = f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}"
    sts.register_session(
        access_key,
        {
            "Arn": session,
            "UserId": f"{role_name}:{name}",
            "SecretAccessKey": digest,
            "SessionToken": str(uuid.UUID(digest[:32])),
        },
    )
    return {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": digest,
        "AWS_SESSION_TOKEN": str(uuid.UUID(digest[:32])),
    }


def _managed_key_policy(scope: Scope, service: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Id": f"auto-{re.sub(r'[^a-z0-9]', '-', service)}-1",
        "Statement": [
            {
                "Sid": "Allow access through the service for all principals in the account that may use it",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "kms:CallerAccount": scope.account,
                        "kms:ViaService": f"{service}.{scope.region}.amazonaws.com",
                    }
                },
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{scope.account}:root"},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    }


def _names(table: Any, account: str) -> set[str]:  # noqa: ANN401 - ministack has no types
    with request_scope(account, get_region()):
        return set(table.keys())


def _arns(table: Any, account: str) -> set[str]:  # noqa: ANN401 - ministack has no types
    with request_scope(account, get_region()):
        return {record["Arn"] for record in table.values()}
