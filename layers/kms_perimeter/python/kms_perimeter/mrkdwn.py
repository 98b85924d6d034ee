"""Text as Slack wants it: escaped, and cut where Slack would refuse it.

Document: *Formatting message text* by Slack.
"""

from __future__ import annotations

MESSAGE_CHARACTERS = 40_000  # of a message's text
# All blocks of a message together: Slack documents no limit and has one (`msg_blocks_too_long`). Of what people have
# measured (slackapi/bolt-js, issues 2509 and 2867), 9,597 characters were taken and 11,341 were not; the reply to a
# click takes more.
BLOCKS_CHARACTERS = 9000


def escaped(text: str) -> str:
    """Slack: "replace the ampersand, the less-than sign and the greater-than sign" with their entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, room: int) -> str:
    """The text, cut to so many characters, with an ellipsis where it was cut."""
    if len(text) <= room:
        return text
    kept = text[: room - 1]
    start = kept.rfind("&")
    if start > len(kept) - len("&amp;") and ";" not in kept[start:]:  # half an entity would show as rubbish
        kept = kept[:start]
    return kept + "…"
