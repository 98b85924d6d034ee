"""What Slack refuses in a message ([Slack] Block Kit reference; errors of incoming webhooks)."""

from collections.abc import Iterator
from typing import Any

_MOST_BLOCKS = 50
_MOST_FIELDS = 10
_MOST_ELEMENTS = {"actions": 25, "context": 10}
_LONGEST_MESSAGE = 40_000
_LONGEST_BLOCK_ID = 255
_LONGEST_TEXT = {"section": 3000, "header": 150, "context": 3000}
_LONGEST_FIELD = 2000
_LONGEST_LABEL = 75
_LONGEST_VALUE = {"value": 2000, "action_id": 255}
_LONGEST_PLACEHOLDER = 150
_LONGEST_CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
_BLOCKS = frozenset({"actions", "context", "divider", "header", "image", "input", "markdown", "rich_text", "section"})


def complain(payload: object) -> str | None:
    """Name what is wrong with a message, in the words that Slack answers with; None if nothing is."""
    if not isinstance(payload, dict):
        return "invalid_payload"
    text, blocks = payload.get("text"), payload.get("blocks")
    if text is not None and not isinstance(text, str):
        return "invalid_payload"
    if not text and not blocks and not payload.get("attachments"):
        return "no_text"
    if text and len(text) > _LONGEST_MESSAGE:
        return "msg_too_long"
    return "invalid_blocks" if blocks is not None and any(_faults(blocks)) else None


def _faults(blocks: object) -> Iterator[bool]:
    if not isinstance(blocks, list):
        yield True
        return
    yield len(blocks) > _MOST_BLOCKS
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict) and "block_id" in block]
    yield len(ids) != len(set(ids))
    for block in blocks:
        yield not isinstance(block, dict) or not _is_sound(block)


def _is_sound(block: dict[str, Any]) -> bool:
    kind = block.get("type")
    if kind not in _BLOCKS or len(str(block.get("block_id", ""))) > _LONGEST_BLOCK_ID:
        return False
    if len(block.get("elements", [])) > _MOST_ELEMENTS.get(str(kind), 1000):
        return False
    match kind:
        case "section":
            return _is_sound_section(block)
        case "header":
            return _is_text(block.get("text"), _LONGEST_TEXT["header"], kinds=("plain_text",))
        case "context" | "actions":
            sound = _is_context_element if kind == "context" else _is_interactive
            elements = block.get("elements", [])
            return bool(elements) and all(sound(element) for element in elements)
        case _:
            return True


def _is_sound_section(block: dict[str, Any]) -> bool:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        return False
    if "text" in block and not _is_text(block["text"], _LONGEST_TEXT["section"]):
        return False
    return len(fields) <= _MOST_FIELDS and all(_is_text(field, _LONGEST_FIELD) for field in fields)


def _is_context_element(element: object) -> bool:
    if isinstance(element, dict) and element.get("type") == "image":
        return bool(element.get("image_url") or element.get("slack_file")) and bool(element.get("alt_text"))
    return _is_text(element, _LONGEST_TEXT["context"])


def _is_interactive(element: object) -> bool:
    if not isinstance(element, dict):
        return False
    sound = all(len(str(element.get(name, ""))) <= most for name, most in _LONGEST_VALUE.items())
    if "confirm" in element:
        confirm = element["confirm"]
        sound &= all(_is_text(confirm.get(name), most) for name, most in _LONGEST_CONFIRM.items())
    if element.get("type") == "button":
        sound &= _is_text(element.get("text"), _LONGEST_LABEL, kinds=("plain_text",))
    if "placeholder" in element:
        sound &= _is_text(element["placeholder"], _LONGEST_PLACEHOLDER, kinds=("plain_text",))
    return sound


def _is_text(value: object, longest: int, kinds: tuple[str, ...] = ("mrkdwn", "plain_text")) -> bool:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        return False
    text = value.get("text")
    return isinstance(text, str) and 1 <= len(text) <= longest
