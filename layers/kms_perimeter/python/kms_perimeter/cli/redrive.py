"""`redrive`: show what the service has given up, and send it back."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import click

from kms_perimeter.cli import dead_letters, inputs
from kms_perimeter.cli.dead_letters import PLACES, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import boto3

    from kms_perimeter.aws.dead_letters import DeadLetter, DeadLetters
    from kms_perimeter.aws.stack import Stack

EPILOG = """\
\b
Examples:
  kms-perimeter redrive
  kms-perimeter redrive --stack kms-perimeter --queue changes
  kms-perimeter redrive --send

Exit status: 0 no dead letters are left, 1 some are, 2 bad usage.
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
@click.option("--stack", "stack_name", default="kms-perimeter", show_default=True, help="Name of the service's stack.")
@click.option(
    "--queue",
    "names",
    type=click.Choice([place.name for place in PLACES]),
    multiple=True,
    help="Only this queue; may be given again.  [default: all]",
)
@click.option("--send", is_flag=True, help="Send them back; without it they are only shown.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="At most so many of each queue.")
@click.option("--profile", "profile_name", metavar="NAME", help="The profile of the AWS configuration.")
@click.option("--region", metavar="REGION", envvar="AWS_REGION", help="The Region.  [default: the profile's]")
@inputs.format_option("text", "json")
def redrive(
    *,
    stack_name: str,
    names: tuple[str, ...],
    send: bool,
    most: int,
    profile_name: str | None,
    region: str | None,
    output: str,
) -> None:
    """Show what the service has given up and why, and send it back once the reason is gone.

    Changed and swept keys and remediations go back into their queues; sweeps, and alerts that reached no Slack, are
    called again. All of it may be done twice without harm: the guard reads each key anew and decides on that.
    """
    import boto3  # noqa: PLC0415 - it takes its time

    from kms_perimeter.aws.stack import NoSuchStack, Stack  # noqa: PLC0415 - likewise

    session = boto3.Session(profile_name=profile_name, region_name=region)
    try:
        stack = Stack.read(session.client("cloudformation"), stack_name)
    except NoSuchStack as error:
        raise inputs.InputError(str(error)) from None
    places = [place for place in PLACES if place.name in (names or place.name) and place.output in stack.outputs]
    shown = [one for place in places for one in _work(session, stack, place, most, send=send)]
    left = sum(_queue(session, stack, place).count() for place in places) if send else len(shown)
    _print(shown, left, output, send=send)
    sys.exit(1 if left else 0)


def _queue(session: boto3.Session, stack: Stack, place: Place) -> DeadLetters:
    from kms_perimeter.aws.dead_letters import DeadLetters  # noqa: PLC0415 - likewise

    return DeadLetters(session.client("sqs"), stack.outputs[place.output])


def _work(session: boto3.Session, stack: Stack, place: Place, most: int, *, send: bool) -> Iterator[Shown]:
    queue = _queue(session, stack, place)
    if not send:
        for letter in queue.look(most):
            yield _shown(session, stack, place, letter)
        return
    for letter in queue.take(most):
        shown = _shown(session, stack, place, letter)
        sent_back = _send_back(session, stack, place, queue, letter)
        if not sent_back:
            queue.leave(letter)
        yield replace(shown, sent_back=sent_back)


def _send_back(session: boto3.Session, stack: Stack, place: Place, queue: DeadLetters, letter: DeadLetter) -> bool:
    if place.back:
        return bool(queue.send_back([letter], stack.outputs[place.back]))
    call = dead_letters.invocation(letter)
    # What lies in a queue must not make an operator call other functions.
    if call is None or call.function not in stack.outputs.values():
        return False
    session.client("lambda").invoke(FunctionName=call.function, InvocationType="Event", Payload=call.payload)
    queue.delete(letter)
    return True


def _shown(session: boto3.Session, stack: Stack, place: Place, letter: DeadLetter) -> Shown:
    from kms_perimeter.aws import journal  # noqa: PLC0415 - likewise

    reason = dead_letters.said(letter)
    if reason is None and place.logs in stack.log_groups:
        group = stack.log_groups[str(place.logs)]
        reason = journal.last_failure(session.client("logs"), group, letter.message_id, letter.sent_at)
    at = letter.sent_at.isoformat(timespec="seconds")
    return Shown(place.name, letter.message_id, dead_letters.about(letter), at, reason)


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
