"""`redrive`: show what the service has given up, and send it back."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.aws import journal
from kms_perimeter.aws.bus import Bus
from kms_perimeter.aws.clients import PATIENCE
from kms_perimeter.aws.dead_letters import DeadLetters
from kms_perimeter.cli import dead_letters, inputs
from kms_perimeter.cli.account import account_options
from kms_perimeter.cli.dead_letters import PLACES, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kms_perimeter.aws.dead_letters import DeadLetter
    from kms_perimeter.cli.account import Account

EPILOG = """\
\b
Examples:
  kms-perimeter redrive --stack kms-perimeter
  kms-perimeter redrive --stack kms-perimeter --queue changes
  kms-perimeter redrive --stack kms-perimeter --send

\b
Needs: cloudformation:DescribeStacks, cloudformation:ListStackResources, sqs:GetQueueAttributes, sqs:ReceiveMessage,
  sqs:ChangeMessageVisibility, logs:FilterLogEvents; sqs:SendMessage, sqs:DeleteMessage, lambda:InvokeFunction and, for
  findings, events:PutEvents for --send.

Exit status: 0 no dead letters are left, 1 some are, 2 bad usage or refused by AWS.
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A dead letter as it is printed.

    Attributes:
        queue: which queue it is in.
        message_id: its ID.
        about: what it is about.
        sent_at: when it was first sent.
        reason: why it was given up, or None where nobody says.
        sent_back: whether it was sent back now.
    """

    queue: str
    message_id: str
    about: str
    sent_at: str
    reason: str | None
    sent_back: bool = False


@click.command(epilog=EPILOG)
@click.option(
    "--queue",
    "names",
    type=click.Choice([place.name for place in PLACES]),
    multiple=True,
    help="Only this queue; may be given again.  [default: all]",
)
@click.option("--send", is_flag=True, help="Send them back; without it they are only shown.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="At most so many of each queue.")
@inputs.format_option("text", "json")
@account_options
def redrive(*, account: Account, names: tuple[str, ...], send: bool, most: int, output: str) -> None:
    """Show what the service has given up and why, and send it back once the reason is gone.

    Changed and swept keys and remediations go back into their queues; sweeps, and alerts that reached no Slack, are
    called again. All of it may be done twice without harm: the guard reads each key anew and decides on that.
    """
    outputs = account.deployment.outputs
    logs = journal.log_groups(_client(account, "cloudformation"), account.deployment.stack)
    places = [place for place in PLACES if place.name in (names or place.name) and place.output in outputs]
    works = [Work(account, outputs, logs, place) for place in places]
    shown = [one for work in works for one in (work.send(most) if send else work.show(most))]
    left = sum(work.queue.count() for work in works)
    _print(shown, left, output, send=send)
    sys.exit(1 if left else 0)


@dataclass(frozen=True, slots=True)
class Work:
    """The work on one queue of dead letters.

    Attributes:
        account: where it is.
        outputs: the outputs of the stack.
        logs: the stack's log groups by their logical IDs.
        place: the queue.
    """

    account: Account
    outputs: Mapping[str, str]
    logs: Mapping[str, str]
    place: Place

    @property
    def queue(self) -> DeadLetters:
        """The dead letters."""
        return DeadLetters(_client(self.account, "sqs"), self.outputs[self.place.output])

    def show(self, most: int) -> Iterator[Shown]:
        """Shows them, and leaves them where they are."""
        for letter in self.queue.look(most):
            yield self._shown(letter)

    def send(self, most: int) -> Iterator[Shown]:
        """Sends them back, and shows what was sent."""
        queue = self.queue
        for letter in queue.take(most):
            shown, sent_back = self._shown(letter), self._send_back(queue, letter)
            if not sent_back:
                queue.leave(letter)
            yield replace(shown, sent_back=sent_back)

    def _send_back(self, queue: DeadLetters, letter: DeadLetter) -> bool:
        if self.place.back:
            return queue.send_back(letter, self.outputs[self.place.back])
        if dead_letters.is_order_to_sweep(letter):
            return queue.send_back(letter, self.outputs["SweepsQueueUrl"])
        if finding := dead_letters.finding(letter):
            Bus(_client(self.account, "events")).put_all([finding])
            queue.delete(letter)
            return True
        call = dead_letters.invocation(letter)
        # What lies in a queue must not make an operator call other functions.
        if call is None or call.function not in self.outputs.values():
            return False
        client = _client(self.account, "lambda")
        client.invoke(FunctionName=call.function, InvocationType="Event", Payload=call.payload)
        queue.delete(letter)
        return True

    def _shown(self, letter: DeadLetter) -> Shown:
        reason = dead_letters.said(letter)
        if reason is None and self.place.logs in self.logs:
            group = self.logs[str(self.place.logs)]
            reason = journal.last_failure(_client(self.account, "logs"), group, letter.message_id, letter.sent_at)
        at = letter.sent_at.isoformat(timespec="seconds")
        return Shown(self.place.name, letter.message_id, dead_letters.about(letter), at, reason)


def _client(account: Account, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    make: Any = account.profile.session.client
    return make(service, region_name=account.region, config=PATIENCE)


def _print(shown: Iterable[Shown], left: int, output: str, *, send: bool) -> None:
    if output == "json":
        click.echo(json.dumps([asdict(one) for one in shown], indent=2))
        return
    for one in shown:
        mark = "sent back" if one.sent_back else "left where it is" if send else "given up"
        click.echo(f"{one.queue}: {mark}: {_printable(one.about)}")
        click.echo(f"  since {one.sent_at}, message {one.message_id}")
        click.echo(f"  {_printable(one.reason or 'no reason is to be found in the logs')}")
    what = "nothing is given up" if not left else f"{left} given up" + ("" if send else "; --send sends them back")
    click.echo(what)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
