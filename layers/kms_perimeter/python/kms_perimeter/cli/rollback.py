"""`rollback`: put back a policy that was replaced."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from kms_perimeter import approval
from kms_perimeter import rollback as way_back
from kms_perimeter.cli import measure
from kms_perimeter.cli.account import account_options, now
from kms_perimeter.cli.consent import NotDone, OutOfDate, confirm, yes_option
from kms_perimeter.cli.history import entry_of
from kms_perimeter.cli.inputs import InputError
from kms_perimeter.errors import StalePlan
from kms_perimeter.perimeter import PolicyException

if TYPE_CHECKING:
    from datetime import date

    from kms_perimeter.cli.account import Account
    from kms_perimeter.rollback import Means, Rollback

USUAL = timedelta(days=7)

EPILOG = """\
\b
Examples:
  kms-perimeter rollback alias/prod-payments
  kms-perimeter rollback alias/prod-payments --to 3f9c0a51d2e7
  kms-perimeter rollback alias/prod-payments --force --reason "batch job breaks" --until 2026-12-01

\b
Needs: cloudformation:DescribeStacks; dynamodb:Query, dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem on
  the ledger; kms:DescribeKey, kms:GetKeyPolicy and kms:PutKeyPolicy; ssm:GetParameter where there is a perimeter
  file, kms:ListResourceTags and kms:ListAliases where it goes by tags or aliases.

Exit status: 0 rolled back or nothing to do, 1 not confirmed or a proof fails, 2 bad usage or refused by AWS, 3 the
policy has changed meanwhile.
"""


@click.command(epilog=EPILOG)
@click.argument("key", metavar="KEY")
@click.option("--to", "entry_id", metavar="ENTRY", help="Go back to the policy that this entry of `history` replaced.")
@click.option("--force", is_flag=True, help="Go back to a policy that leaves the key open, as an exception.")
@click.option("--reason", metavar="TEXT", help="Why the key may be open; needed with --force.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The exception's last day.  [default: in 7 days]")
@yes_option
@account_options
def rollback(
    key: str,
    entry_id: str | None,
    reason: str | None,
    until: datetime | None,
    account: Account,
    *,
    force: bool,
    yes: bool,
) -> None:
    """Put back the policy that the guard's last remediation of a key replaced, or that an entry of the ledger did.

    KEY is an ID, an ARN, an alias or an alias's ARN. The policy is judged by the perimeters that the service goes by,
    and the change and the verdict are shown before anything is done. The policy is put with the caller's own
    permissions; the one that it replaces is in the ledger, so that a rollback can be rolled back.

    A policy that leaves the key open is put back with --force only, and is an exception then: the caller answers for
    the key until the last day, and the guard leaves it alone until then.
    """
    if force and not reason:
        raise InputError("--force needs a --reason")
    means = _means(account)
    key_arn = account.key_arn(key)
    entry = entry_of(means.ledger, key_arn, entry_id) if entry_id else way_back.last_remediation(means.ledger, key_arn)
    planned = way_back.propose(means, key_arn, entry)
    _show(planned)
    if not planned.changes:
        click.echo("nothing to do: the key has this policy already")
        return
    _refuse(planned, force=force)
    by = account.caller()
    exception = _exception(planned, reason or "", by, until.date() if until else None) if planned.objections else None
    confirm("Put this policy back?", yes=yes)
    try:
        way_back.carry_out(means, planned, by, exception)
    except StalePlan as error:
        raise OutOfDate(str(error)) from None
    click.echo(f"rolled back: {key_arn} has the policy of the entry {entry.id} again")
    if exception:
        click.echo(f"{by} answers for it until {exception.expires}; then the guard takes it up again")


def _means(account: Account) -> Means:
    standpoint = measure.standpoint(account.deployment.outputs)
    return way_back.Means(account.keys(), account.ledger(), account.perimeters(), standpoint, now, time.sleep)


def _show(planned: Rollback) -> None:
    from kms_perimeter.cli import story  # noqa: PLC0415 - rich takes its time

    story.print_rollback(planned)


def _refuse(planned: Rollback, *, force: bool) -> None:
    if planned.refused:
        raise NotDone(f"refused: {'; '.join(planned.refused)}")
    if planned.objections and not force:
        raise NotDone(f"{'; '.join(planned.objections)}; --force makes it an exception with an end")


def _exception(planned: Rollback, reason: str, by: str, until: date | None) -> PolicyException:
    """The exception, if its day will do.

    Raises:
        UnusableDay: it is past, or too far away.
    """
    today = now().date()
    last = until or today + USUAL
    approval.check_day(last, today)
    return PolicyException(planned.key_arn, reason, by, last)
