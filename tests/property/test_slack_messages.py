"""What must hold of every message to Slack, whatever policy it is about and however long its names are.

Two judges: the models of `slack_sdk`, and what Slack's receiver here refuses, which counts what the models do not: the
blocks of a message, the characters of its text and of a field, a block's name given twice.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from kms_perimeter import message, remedy, slack, slack_answers
from kms_perimeter.aws.topic import fitted
from kms_perimeter.cloudtrail import KeyChange
from kms_perimeter.decision import decide
from kms_perimeter.letter import Letter, Part
from kms_perimeter.message import Exposure, Matter, Message
from kms_perimeter.slack_actions import Action, actions
from kms_perimeter.slack_answers import Reply
from kms_perimeter.slack_interaction import Interaction
from kms_perimeter.verdict import Outcome, judge
from local.slack_limits import complain
from tests.property.deep import DEEP
from tests.property.policies import perimeters, policies
from tests.property.requests import KEY

if TYPE_CHECKING:
    from kms_perimeter.perimeter import Perimeter

# Without shrinking: it takes minutes, and a long name is as good as a longer one.
few = settings(
    max_examples=25 * DEEP,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
ASK = "0123456789ab"
ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
BUTTONS = actions(ASK)


def names(most: int) -> st.SearchStrategy[str]:
    """Names that are short and plain, and such as somebody gives who wants to break out of a message."""
    return st.one_of(
        st.text("Aa1", min_size=1, max_size=8),
        st.builds(lambda piece, times: (piece * times)[:most], st.text(min_size=1, max_size=5), st.integers(1, most)),
        st.builds(lambda times: ("<!channel>&`*_~" * times)[:most], st.integers(1, most)),
    )


@st.composite
def changes(draw: st.DrawFn) -> KeyChange:
    """A call that CloudTrail tells of, by whomever."""
    return KeyChange(
        event_id="c217db1f-903f-4a2f-8f88-9580182d6313",
        event_name="PutKeyPolicy",
        time=NOON,
        key_arn=ARN,
        account="111122223333",
        region="us-east-1",
        actor=draw(names(2000)),
        source_ip=draw(names(300)),
        policy="{}",
    )


@st.composite
def named_policies(draw: st.DrawFn) -> str:
    """The text of a policy whose statements have Sids."""
    policy: dict[str, Any] = draw(policies())
    for statement in policy["Statement"]:
        statement["Sid"] = draw(names(20_000))
    return json.dumps(policy)


def everything_told(policy: str, perimeter: Perimeter, change: KeyChange) -> list[Message]:
    """Each message that this policy can give rise to."""
    found = judge(policy, KEY, perimeter)
    matter = Matter(ARN, found, change, outside=True)
    enclosed = replace(matter, verdict=replace(found, outcome=Outcome.ENCLOSED, escapes=()))
    plan = remedy.plan(policy, KEY, perimeter)
    decision = decide(found, perimeter)
    exposure = Exposure(NOON, change.actor, NOON, change.actor)
    return [
        message.alert(matter, decision, plan),
        message.asked(matter, decision, plan, ASK, buttons=True),
        message.contested(matter, 3, plan, [change.actor] * 3),
        message.remediated(enclosed, before=found, diff=plan.diff, exposure=exposure),
        message.exposure_closed(enclosed, exposure, found),
        message.refused(matter, reason=found.reason or "no", diff=plan.diff),
        message.overwritten(enclosed, diff=plan.diff),
        message.moved(enclosed, before=perimeter.name, after=perimeter.name, weaker=[perimeter.name] * 60),
        message.unreadable(ARN, reason=perimeter.name, change=change),
    ]


def is_taken(payload: dict[str, Any]) -> bool:
    """Whether Slack takes a message, by its own models and by what else is known."""
    blocks = payload["blocks"]
    return [block.to_dict() for block in Block.parse_all(blocks)] == blocks and complain(payload) is None


@few
@given(named_policies(), perimeters(), names(3000), changes())
def test_slack_takes_every_message_about_every_policy(
    policy: str, perimeter: Perimeter, name: str, change: KeyChange
) -> None:
    """The way that it goes: from the guard through the topic to the webhook, and nobody is called to the channel."""
    for said in everything_told(policy, replace(perimeter, name=name), change):
        published = fitted(said)
        payload = slack.payload(json.loads(published)["lambda"])

        assert len(published.encode()) < 262_144
        assert is_taken(payload)
        assert "<!channel>" not in json.dumps(payload["blocks"][1:])


PART = st.builds(Part, names(4000), st.lists(names(4000), max_size=4).map(tuple), st.booleans())
PARTS = st.builds(lambda parts, times: parts * times, st.lists(PART, min_size=1, max_size=3), st.sampled_from((1, 60)))


@few
@given(parts=PARTS, name=names(4000), asks=st.booleans())
def test_slack_takes_every_letter_and_every_answer_to_it(parts: list[Part], name: str, *, asks: bool) -> None:
    """However many parts it has, the buttons stay below it, and who has pressed them takes their place."""
    letter = Letter(name, tuple(parts), (BUTTONS,) if asks else ())
    seen = tuple(letter.blocks)
    pressed = Interaction("T1", "U1", name, Action.APPROVE, ASK, None, "https://hooks.slack.com/", name * 20, seen)
    answered = slack_answers.payload_of(pressed, Reply("approved", name, final=True))

    assert is_taken({"text": name, "blocks": letter.blocks})
    assert is_taken(answered)
    assert (letter.blocks[-1] == BUTTONS) is asks
    assert BUTTONS not in answered["blocks"]
