"""`resume`: let the guard take up a key again that it has given up as contested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kms_perimeter import approval
from kms_perimeter.cli.account import account_options
from kms_perimeter.cli.consent import NotDone

if TYPE_CHECKING:
    from kms_perimeter.cli.account import Account

EPILOG = """\
\b
Examples:
  kms-perimeter resume alias/prod-payments --reason "the pipeline has the guard's statement now"
  kms-perimeter resume 1234abcd-12ab-34cd-56ef-1234567890ab

\b
Needs: cloudformation:DescribeStacks; dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem on the ledger;
  sqs:SendMessage to the queue of changes; kms:DescribeKey for an alias.

Exit status: 0 resumed, 1 the key is not contested (it is looked at all the same), 2 bad usage or refused by AWS.
"""


@click.command(epilog=EPILOG)
@click.argument("key", metavar="KEY")
@click.option("--reason", metavar="TEXT", default="", help="What has changed, for the ledger.")
@account_options
def resume(key: str, reason: str, account: Account) -> None:
    """Let the guard take up a key again that it has given up because somebody opened it each time.

    KEY is an ID, an ARN, an alias or an alias's ARN. The key is looked at at once, and its remediations are counted
    from zero again.
    """
    key_arn = account.key_arn(key)
    if not approval.resume(account.desk(), key_arn, account.caller(), reason):
        raise NotDone(f"{key_arn} is not contested; it is looked at all the same")
    click.echo(f"resumed: the guard looks at {key_arn} now")
