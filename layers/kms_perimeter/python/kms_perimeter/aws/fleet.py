"""The deployments in other accounts and Regions, and the sweeps that they are told to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from kms_perimeter.aws.clients import PATIENCE
from kms_perimeter.aws.deployment import Deployment
from kms_perimeter.errors import SweepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a Region, with a deployment in it.

    Attributes:
        account: the account.
        region: the Region.
        role: ARN of a role of that account, which may find the deployment and order a sweep.
        stack: name of the deployment's stack, where no stack set has made it.
    """

    account: str
    region: str
    role: str
    stack: str

    @classmethod
    def from_json(cls, asked: Mapping[str, Any], partition: str) -> Place:
        """The place as the state machine names it."""
        account, role = asked["account"], asked["role"]
        return cls(account, asked["region"], f"arn:{partition}:iam::{account}:role/{role}", asked["stack"])

    def session(self) -> boto3.Session:
        """A session of the role there. A fresh one each time: it is used for two calls."""
        sts = boto3.client("sts", config=PATIENCE)
        told = sts.assume_role(RoleArn=self.role, RoleSessionName="kms-perimeter-fleet-sweep")["Credentials"]
        return boto3.Session(
            aws_access_key_id=told["AccessKeyId"],
            aws_secret_access_key=told["SecretAccessKey"],
            aws_session_token=told["SessionToken"],
            region_name=self.region,
        )

    def sweep(self, name: str, *, ask: bool) -> dict[str, Any]:
        """Begins a sweep there, or only asks how far it is; what `on_sweep` answers.

        Raises:
            NoDeployment: there is none.
            SweepFailed: its function ends with an error.
        """
        session = self.session()
        function = Deployment.find(session, self.stack, of_set=True).output("OnSweepFunction")
        asked = json.dumps({"sweep": name, "ask": ask})
        answer = session.client("lambda", config=PATIENCE).invoke(FunctionName=function, Payload=asked.encode())
        told: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise SweepFailed(f"{self.account}, {self.region}: {told.get('errorMessage')}")
        return told
