"""How CloudTrail spells an API's parameters: the first letter in lower case, what the caller named left alone."""

from datetime import UTC, datetime
from typing import Any

# Maps whose keys are the caller's own words.
_VERBATIM = frozenset({"EncryptionContextSubset", "EncryptionContextEquals"})


def lower_camel(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Spell a structure's names as CloudTrail does: `KeyId` is `keyId`, `AWSAccountId` is `aWSAccountId`."""
    if isinstance(value, list):
        return [lower_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name[:1].lower() + name[1:]: inner if name in _VERBATIM else lower_camel(inner) for name, inner in value.items()
    }


def print_date(seconds: float) -> str:
    """Print a time as CloudTrail does inside `responseElements`: `Jun 30, 2020 2:34:07 AM`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%b} {moment.day}, {moment.year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"
