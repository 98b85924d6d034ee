"""Answers from Slack: who may give them, what they lead to, and what Slack shows then.

Limits and fields of a reply: *Handling user interaction* by Slack. A reply either takes the place of the question, so
that nobody presses its buttons again, or is seen by nobody but the one who pressed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kms_perimeter import approval, slack
from kms_perimeter.errors import AlreadyAnswered, KmsRefusal, NoSuchAsk, StalePlan, UnusableDay
from kms_perimeter.evidence import Report
from kms_perimeter.letter import Letter, Part
from kms_perimeter.mrkdwn import MESSAGE_CHARACTERS, cut, escaped
from kms_perimeter.slack_actions import Action, ask_of
from kms_perimeter.wording import at, key_id, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.approval import Desk
    from kms_perimeter.aws.ledger import Ask
    from kms_perimeter.settings import Settings
    from kms_perimeter.slack_interaction import Interaction

PART_CHARACTERS = 2900  # of a diff in one section of 3,000, its heading and its fence besides
MOST_PARTS = 40


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a click.

    Attributes:
        done: one fixed word: ``approved``, ``excepted``, ``shown`` or ``declined``.
        text: for the one who pressed, and for all where it is final.
        final: whether it takes the place of the buttons.
        key_arn: the key, where it is known.
        blocks: in place of the text, where there is more than a sentence to show.
    """

    done: str
    text: str
    final: bool
    key_arn: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list, hash=False)

    def report(self, pressed: Interaction) -> Report:
        """What was done, for the log and the metrics."""
        return Report(self.done, f"{pressed.action.value} by {pressed.by}", self.key_arn, pressed.ask_id)


def answer(desk: Desk, settings: Settings, pressed: Interaction) -> Reply:
    """Does what somebody pressed, if it may be done, and says what came of it. The same click may come again."""
    if reason := _stranger(settings, pressed):
        return Reply("declined", reason, final=False)
    try:
        return _carry_out(desk, pressed)
    except (AlreadyAnswered, StalePlan) as error:  # nobody can answer this question any more
        return Reply("declined", _told(error), final=True)
    except (NoSuchAsk, UnusableDay) as error:
        return Reply("declined", _told(error), final=False)
    except KmsRefusal as error:
        return Reply("declined", f"The key cannot be read: {escaped(str(error))}", final=False)


def _stranger(settings: Settings, pressed: Interaction) -> str | None:
    if settings.slack_team_id and pressed.team != settings.slack_team_id:
        return "Only people of another workspace may answer here."
    if pressed.user not in settings.slack_approvers:
        return f"You are not among those who may answer here; whoever runs the service can name you ({pressed.user})."
    return None


def _told(error: Exception) -> str:
    return escaped(sentence(str(error)))


def _carry_out(desk: Desk, pressed: Interaction) -> Reply:
    when = at(desk.now())
    match pressed.action:
        case Action.APPROVE:
            ask = approval.approve(desk, pressed.ask_id, pressed.by)
            text = f"Approved by <@{pressed.user}> on {when}. The guard proves the plan once more and reports."
            return Reply("approved", text, final=True, key_arn=ask.key_arn)
        case Action.IGNORE_UNTIL if pressed.until:
            reason = f"put off in Slack by {pressed.name}"
            ask = approval.ignore(desk, pressed.ask_id, pressed.by, pressed.until, reason)
            text = f"<@{pressed.user}> answers for the key until {pressed.until}. The key stays open until then."
            return Reply("excepted", text, final=True, key_arn=ask.key_arn)
        case _:
            return _shown(desk.asks.get(pressed.ask_id))


def _shown(ask: Ask) -> Reply:
    title = f"The plan for {key_id(ask.key_arn)}"
    pieces = list(_pieces(ask.diff))
    rest = len(pieces) - MOST_PARTS
    more = f"{rest} more parts of the change are in the ledger: `kms-perimeter history {key_id(ask.key_arn)}`."
    shown = [Part("The change" if n == 0 else "…", part, code=True) for n, part in enumerate(pieces[:MOST_PARTS])]
    strategy = f"By the strategy {ask.plan.get('strategy')}; the new policy is proved: {ask.plan.get('verdict')}."
    tail = [Part("The rest", (more,))] if rest > 0 else []
    parts = (Part("The key", (ask.key_arn, strategy)), *shown, *tail)
    letter = Letter(title, parts, room=sys.maxsize)
    return Reply("shown", title, final=False, key_arn=ask.key_arn, blocks=letter.blocks)


def _pieces(diff: str) -> Iterator[tuple[str, ...]]:
    """The lines of a diff, as many at a time as a section holds."""
    piece: list[str] = []
    for line in diff.splitlines():
        if piece and len(escaped("\n".join([*piece, line]))) > PART_CHARACTERS:
            yield tuple(piece)
            piece = []
        piece.append(line)
    if piece:
        yield tuple(piece)


def post(settings: Settings, pressed: Interaction, reply: Reply) -> None:
    """Replies where Slack wants the reply, as long as that is Slack.

    Raises:
        SlackIsBusy: try again later.
        SlackRefuses: do not; the address may be none of Slack's.
    """
    parts = urlsplit(pressed.response_url)
    if f"{parts.scheme}://{parts.netloc}" != settings.slack_origin:
        raise slack.SlackRefuses(f"the reply would not go to {settings.slack_origin}")
    slack.post(pressed.response_url, payload_of(pressed, reply))


def payload_of(pressed: Interaction, reply: Reply) -> dict[str, Any]:
    """The reply as Slack takes it."""
    if not reply.final:
        shown = {"blocks": reply.blocks} if reply.blocks else {}
        return {"response_type": "ephemeral", "replace_original": False, "text": reply.text, **shown}
    from kms_perimeter import block_kit  # noqa: PLC0415 - it takes its time, and not every click needs it

    asked = [block for block in pressed.blocks if ask_of(str(block.get("block_id", ""))) is None]
    text = f"{pressed.text}\n{reply.text}" if pressed.text else reply.text
    blocks = [*asked[: block_kit.MOST_BLOCKS - 1], block_kit.context(reply.text)]
    return {"replace_original": True, "text": cut(text, MESSAGE_CHARACTERS), "blocks": blocks}
