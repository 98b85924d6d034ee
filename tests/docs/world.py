"""What the commands of the documentation find: a folder with the files that they name, and an account in memory."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import time_machine
from moto import mock_aws

from kms_perimeter import guard
from kms_perimeter.aws.ledger import Asks, Kind, Ledger
from kms_perimeter.order import Order
from kms_perimeter.perimeter import Mode
from kms_perimeter.remediation import remediate
from tests.unit.account import NOON, OPEN, Account, a_change, closed
from tests.unit.command import ROOT, Ran
from tests.unit.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docs.pages import Command

UNIT, EXAMPLES = ROOT / "tests" / "unit", ROOT / "docs" / "examples"
REGIONS = ("us-east-1", "eu-west-1")
WITH_AWS = ("approve", "doctor", "exempt", "history", "init", "redrive", "resume", "rollback", "scan")
AN_ID = re.compile(r"\b3f9c0a51d2e7\b|\bASK\b")
"""What stands in the documentation for the ID of a question or of an entry."""
# What docs/perimeter-file.md shows to be refused.
WRONG = """\
version: 1
perimeters:
  - name: a
    rules:
      - name: use
        operations: [kms:Decypt]
        vpcs: [vpc-2b2b2b2b]
"""


def furnish(page: Path) -> None:
    """Puts the files that the documentation names into this folder; a policy that stands on the page is that one."""
    for name in ("docs", "events"):
        Path(name).symlink_to(ROOT / name)
    for name in ("template.yaml", "plan.json"):
        shutil.copy(UNIT / "infrastructure" / name, name)
    for name in ("perimeter.json", "request.json"):
        shutil.copy(EXAMPLES / name, name)
    policies = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    own = next((text for text in policies if '"Statement"' in text), None)
    Path("policy.json").write_text(own or (EXAMPLES / "default-policy.json").read_text())
    if " init" not in page.read_text():
        text = WRONG if page.name == "perimeter-file.md" else (EXAMPLES / "perimeter.json").read_text()
        Path("perimeter.yaml").write_text(text)


@dataclass
class World:
    """A shell, and, once somebody asks AWS, an account with a deployment in which a key was closed.

    Attributes:
        terminal: runs the command line.
        entry: of the ledger, about the key that was closed.
        asked: the question that waits for an answer.
    """

    terminal: Terminal = field(default_factory=Terminal)
    entry: str = ""
    asked: str = ""

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> Iterator[World]:
        """At noon of the day that the documentation tells of."""
        with time_machine.travel(NOON), mock_aws():
            yield cls()

    def run(self, command: Command) -> Ran:
        """Runs a command of the documentation in this folder; an ID in it is one that the account knows."""
        words = command.words
        if words[0] in WITH_AWS:
            self._make_account()
            known = self.asked if words[0] == "approve" else self.entry
            words = [AN_ID.sub(known, word) for word in words]
        ran = self.terminal.run(*words, stdin=OPEN if "-" in words else "y\n")
        if command.out:
            Path(command.out).write_text(ran.out)
        return ran

    def _make_account(self) -> None:
        if self.entry:
            return
        for region in REGIONS:
            endpoint = self.terminal.endpoint(self.terminal.vpc(region=region), region=region)
            self._deploy(region, endpoint)
            self.terminal.key(OPEN, region=region, alias="alias/orders")
            self.terminal.key(closed(endpoint), region=region)
        self._live()

    def _deploy(self, region: str, endpoint: str) -> None:
        given = {"ApprovedVpcEndpoints": endpoint, "Mode": "enforce"}
        self.terminal.client("cloudformation", region).create_stack(
            StackName="kms-perimeter",
            TemplateBody=(UNIT / "deployment" / "stack.yaml").read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        )

    def _live(self) -> None:
        """A key is opened and closed, and a question is asked about another one."""
        account = Account.make()
        stacks = self.terminal.client("cloudformation").describe_stacks(StackName="kms-perimeter")["Stacks"]
        table = next(one["OutputValue"] for one in stacks[0]["Outputs"] if one["OutputKey"] == "LedgerTable")
        ledger, asks = Ledger(account.dynamodb, table), Asks(account.dynamodb, table)
        account.guard = replace(account.guard, ledger=ledger, asks=asks)
        arn = account.key(OPEN)
        account.kms.create_alias(AliasName="alias/prod-payments", TargetKeyId=arn)
        guard.examine(account.guard, a_change(arn))
        (order,) = account.ordered()
        remediate(account.guard, Order.from_json(order))
        guard.examine(account.in_mode(Mode.APPROVE), a_change(account.key(OPEN), "event-2"))
        self.entry = next(e.id for e in ledger.entries(arn) if e.kind is Kind.PLANNED)
        self.asked = next(data["ask"] for data in account.told() if "ask" in data)
