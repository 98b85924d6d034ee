"""`history`: the story of a key, or of a day, from the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.cli import inputs
from kms_perimeter.cli.account import account_options
from kms_perimeter.cli.consent import NotDone
from kms_perimeter.cli.inputs import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.aws.ledger import Entry, Ledger
    from kms_perimeter.cli.account import Account

EPILOG = """\
\b
Examples:
  kms-perimeter history alias/prod-payments
  kms-perimeter history 1234abcd-12ab-34cd-56ef-1234567890ab --since 2026-11-01 --format json
  kms-perimeter history alias/prod-payments --entry 3f9c0a51d2e7
  kms-perimeter history --day 2026-11-24

\b
Needs: cloudformation:DescribeStacks; dynamodb:Query on the ledger, and on its index for --day; kms:DescribeKey for an
  alias.

Exit status: 0 told, 1 the ledger has nothing about it, 2 bad usage or refused by AWS.
"""


def _since(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    """A day or a time; without an offset it is UTC."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"`{value}` is no day or time such as 2026-11-24 or 2026-11-24T12:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@click.command(epilog=EPILOG)
@click.argument("key", metavar="[KEY]", required=False)
@click.option("--since", callback=_since, metavar="TIME", help="Nothing before this day or time (UTC).")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="What happened to any key on this day (UTC).")
@click.option("--entry", "entry_id", metavar="ID", help="This entry alone, with the policies before and after.")
@inputs.format_option("text", "json")
@account_options
def history(
    key: str | None,
    since: datetime | None,
    day: datetime | None,
    entry_id: str | None,
    output: str,
    account: Account,
) -> None:
    """Tell the story of a key: verdicts, plans, actions, refusals, answers and exceptions, oldest first.

    KEY is an ID, an ARN, an alias or an alias's ARN; a key that is gone still has its story. --day goes by the ledger's
    index, which lags by a second or so and has no policies.
    """
    if (key is None) == (day is None):
        raise InputError("give a KEY or --day")
    if entry_id and key is None:
        raise InputError("give the KEY that the entry is about")
    ledger = account.ledger()
    if day is not None:
        _tell(list(ledger.of_day(day.date())), output, f"on {day.date()}")
        return
    key_arn = account.key_arn(str(key))
    if entry_id:
        _tell_one(entry_of(ledger, key_arn, entry_id), output)
    else:
        _tell(_entries(ledger, key_arn, since), output, f"about {key_arn}")


def entry_of(ledger: Ledger, key_arn: str, entry_id: str) -> Entry:
    """The entry of this ID about a key.

    Raises:
        InputError: there is none.
    """
    found = next((entry for entry in ledger.entries(key_arn) if entry.id == entry_id), None)
    if found is None:
        raise InputError(f"the ledger has no entry `{entry_id}` about {key_arn}")
    return found


def _entries(ledger: Ledger, key_arn: str, since: datetime | None) -> list[Entry]:
    newest_first: Iterable[Entry] = ledger.entries(key_arn)
    if since:
        newest_first = takewhile(lambda entry: entry.at >= since, newest_first)
    return list(newest_first)[::-1]


def _tell(entries: list[Entry], output: str, about: str) -> None:
    if output == "json":
        click.echo(json.dumps([_as_json(entry) for entry in entries], indent=2))
    else:
        from kms_perimeter.cli import story  # noqa: PLC0415 - rich takes its time

        story.print_entries(entries)
    if not entries:
        raise NotDone(f"the ledger has nothing {about}")


def _tell_one(entry: Entry, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(_as_json(entry), indent=2))
    else:
        from kms_perimeter.cli import story  # noqa: PLC0415 - rich takes its time

        story.print_entry(entry)


def _as_json(entry: Entry) -> dict[str, Any]:
    """The entry with its facts; the policies are texts, since it is the texts that were put."""
    facts: dict[str, Any] = dict(entry.facts)
    if "verdict" in facts:
        facts["verdict"] = json.loads(facts["verdict"])
    return {
        "id": entry.id,
        "key": entry.key_arn,
        "at": entry.at.isoformat(),
        "kind": entry.kind.word,
        "actor": entry.actor,
        "cause": entry.cause,
        **facts,
    }
