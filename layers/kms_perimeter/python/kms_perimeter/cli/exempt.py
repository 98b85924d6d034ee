"""`exempt`: answer for a key until a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kms_perimeter import approval
from kms_perimeter.cli.account import account_options, now
from kms_perimeter.cli.consent import NotDone
from kms_perimeter.cli.inputs import InputError
from kms_perimeter.perimeter import PolicyException

if TYPE_CHECKING:
    from datetime import datetime

    from kms_perimeter.cli.account import Account

EPILOG = """\
\b
Examples:
  kms-perimeter exempt alias/prod-payments --until 2026-12-01 --reason "the migration runs from outside"
  kms-perimeter exempt alias/prod-payments --until 2026-12-01 --reason "ticket 4711" --owner team-payments
  kms-perimeter exempt alias/prod-payments --end

\b
Needs: cloudformation:DescribeStacks; dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem on the ledger;
  sqs:SendMessage to the queue of changes; kms:DescribeKey for an alias.

Exit status: 0 done, 1 there is no exception to end, 2 bad usage or refused by AWS.
"""


@click.command(epilog=EPILOG)
@click.argument("key", metavar="KEY")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day (UTC), 90 days away at most.")
@click.option("--reason", metavar="TEXT", help="Why the key may be open.")
@click.option("--owner", metavar="NAME", help="Who answers for it.  [default: the caller's ARN]")
@click.option("--end", is_flag=True, help="End the exception before its day.")
@account_options
def exempt(
    key: str, until: datetime | None, reason: str | None, owner: str | None, account: Account, *, end: bool
) -> None:
    """Answer for a key until a day: the guard leaves it alone until then, reminds of the end, and takes it up after it.

    KEY is an ID, an ARN, an alias or an alias's ARN. For longer than 90 days, name the key in the perimeter file.
    """
    if end == bool(until and reason) or (end and (until or reason or owner)):
        raise InputError("give --until and --reason, or --end alone")
    key_arn, by, at = account.key_arn(key), account.caller(), now()
    if until and reason:
        exception = PolicyException(key_arn, reason, owner or by, until.date())
        approval.exempt(account.ledger(), account.changes(), exception, by, at)
        click.echo(f"{exception.owner} answers for {key_arn} until {exception.expires}")
    elif approval.end_exemption(account.ledger(), account.changes(), key_arn, by, at):
        click.echo(f"the exception of {key_arn} is ended; the guard looks at the key now")
    else:
        raise NotDone(f"the ledger has no exception of {key_arn}; the perimeter file may have one")
