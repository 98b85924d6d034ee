"""`approve`: say yes to a plan that the guard has asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kms_perimeter import approval
from kms_perimeter.cli.account import account_options
from kms_perimeter.cli.consent import NotDone, OutOfDate, confirm, yes_option
from kms_perimeter.errors import AlreadyAnswered, StalePlan

if TYPE_CHECKING:
    from kms_perimeter.cli.account import Account

EPILOG = """\
\b
Examples:
  kms-perimeter approve 3f9c0a51d2e7
  kms-perimeter approve 3f9c0a51d2e7 --yes --stack kms-perimeter --region eu-central-1

\b
Needs: cloudformation:DescribeStacks; dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem on the ledger;
  kms:GetKeyPolicy; sqs:SendMessage to the queues of remediations and changes.

Exit status: 0 approved, 1 not confirmed or answered by somebody already, 2 bad usage, no such question or refused by
AWS, 3 stale: the policy has changed since, so the key is planned and asked about anew.
"""


@click.command(epilog=EPILOG)
@click.argument("ask_id", metavar="ID")
@yes_option
@account_options
def approve(ask_id: str, account: Account, *, yes: bool) -> None:
    """Say yes to the plan with this ID, as the alert names it, by the caller's own name.

    Shows what the plan changes and asks back. The guard proves the plan once more before it touches the key; the old
    policy stays in the ledger, see `history` and `rollback`.
    """
    from kms_perimeter.cli import text  # noqa: PLC0415 - rich takes its time

    desk = account.desk()
    try:
        text.print_ask(desk.asks.get(ask_id))
        confirm("Approve this plan?", yes=yes)
        by = account.caller()
        ask = approval.approve(desk, ask_id, by)
    except AlreadyAnswered as error:
        raise NotDone(str(error)) from None
    except StalePlan as error:
        raise OutOfDate(str(error)) from None
    click.echo(f"approved by {by}; the guard now fixes {ask.key_arn} and reports")
