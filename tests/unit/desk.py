"""Questions that wait for an answer, in the account in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kms_perimeter import approval, remedy
from kms_perimeter.approval import Desk
from kms_perimeter.aws.ledger import Asks
from kms_perimeter.aws.queues import Queue
from kms_perimeter.evidence import Evidence, gather
from kms_perimeter.planning import standpoint_of
from tests.unit.account import OPEN, SETTINGS, a_change

if TYPE_CHECKING:
    from kms_perimeter.aws.ledger import Ask
    from tests.unit.account import Account


@dataclass
class Office:
    """A desk in an account, and what comes out of it.

    Attributes:
        account: the account.
        changes: the URL of the changes queue.
    """

    account: Account
    changes: str

    @classmethod
    def open(cls, account: Account) -> Office:
        """With a changes queue, which the account's other tests do not need."""
        return cls(account, str(account.sqs.create_queue(QueueName="changes")["QueueUrl"]))

    @property
    def desk(self) -> Desk:
        """What answers are worked on with."""
        guard, account = self.account.guard, self.account
        asks, orders = Asks(account.dynamodb, "ledger"), Queue(account.sqs, account.orders)
        return Desk(asks, guard.ledger, guard.keys, orders, Queue(account.sqs, self.changes), account.clock.now)

    def ask(self, arn: str | None = None) -> Ask:
        """Asks about a key with the default policy, as the guard does in the mode `approve`."""
        key_arn = arn or self.account.key(OPEN)
        evidence = gather(self.account.guard, a_change(key_arn))
        assert isinstance(evidence, Evidence)
        plan = remedy.plan(evidence.policy, evidence.key, evidence.perimeter, standpoint=standpoint_of(SETTINGS))
        asked = approval.ask_about(evidence, plan, self.account.clock.now())
        self.desk.asks.put(asked)
        return asked

    def looked_at_again(self) -> list[str]:
        """The keys that were put into the changes queue since this was last asked."""
        told = self.account.sqs.receive_message(QueueUrl=self.changes, MaxNumberOfMessages=10).get("Messages", [])
        for message in told:
            self.account.sqs.delete_message(QueueUrl=self.changes, ReceiptHandle=message["ReceiptHandle"])
        bodies: list[dict[str, Any]] = [json.loads(message["Body"]) for message in told]
        return [key for body in bodies for key in body["sweep"]["keys"]]
