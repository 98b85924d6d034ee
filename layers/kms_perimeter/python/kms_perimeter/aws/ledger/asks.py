"""What waits for a person's yes: one item for each question, answered once."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.ledger.entry import text_of
from kms_perimeter.aws.ledger.table import Table
from kms_perimeter.errors import LedgerConflict, NoSuchAsk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from kms_perimeter.aws.ledger.entry import Entry

ASK = "ask"


@dataclass(frozen=True, slots=True)
class Ask:
    """A plan that waits for somebody to approve it.

    Attributes:
        id: what people approve: short, and the same for the same plan of the same cause.
        key_arn: the key.
        policy_hash: fingerprint of the policy that escapes; an answer is for this policy only.
        change: the change that led here, as JSON.
        diff: what the plan would change.
        plan: the plan, as JSON.
        asked_at: when, as text.
        answer: the answer, or empty while nobody has answered.
        answered_by: who answered.
        answered_at: when, as text.
    """

    id: str
    key_arn: str
    policy_hash: str
    change: Mapping[str, Any] = field(hash=False)
    diff: str
    plan: Mapping[str, Any] = field(hash=False)
    asked_at: str
    answer: str = ""
    answered_by: str = ""
    answered_at: str = ""


class Asks:
    """The questions in the ledger's table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def put(self, ask: Ask, proposed: Entry | None = None) -> None:
        """Asks, and writes the ledger's entry about it; to ask again changes nothing, and above all no answer."""
        item = {**asdict(ask), "key": ask.key_arn, "change": json.dumps(ask.change), "plan": json.dumps(ask.plan)}
        items = [{**item, "key_arn": _place(ask.id), "entry": ASK}, *([proposed.to_item()] if proposed else [])]
        try:
            self._table.write_together(items)
        except LedgerConflict:  # an earlier run has got so far; each by itself
            for each in items:
                with suppress(LedgerConflict):
                    self._table.put_once(each)

    def get(self, ask_id: str) -> Ask:
        """The question of this ID.

        Raises:
            NoSuchAsk: there is none.
        """
        item = self._table.get(_place(ask_id), ASK)
        if not item:
            raise NoSuchAsk(f"nothing with the ID `{ask_id}` waits for an answer")
        told = {**item, "key_arn": item["key"], "change": json.loads(item["change"]), "plan": json.loads(item["plan"])}
        return Ask(**{each.name: told[each.name] for each in fields(Ask)})

    def answer(self, ask_id: str, answer: str, by: str, now: datetime) -> datetime:
        """Answers a question. The same answer by the same person may be given again: a run that dies is repeated.

        Returns:
            When it was given first, so that whatever is written about it is written once.

        Raises:
            LedgerConflict: it has another answer, or somebody else has given it.
        """
        given = {"answer": answer, "answered_by": by, "answered_at": text_of(now)}
        try:
            self._table.set(_place(ask_id), ASK, given, "answer = :nothing", nothing="")
        except LedgerConflict:
            known = self.get(ask_id)
            if (known.answer, known.answered_by) != (answer, by):
                raise
            return datetime.fromisoformat(known.answered_at)
        return now


def _place(ask_id: str) -> str:
    return f"ask/{ask_id}"
