"""A policy's fingerprint: the same for two texts that say the same."""

from __future__ import annotations

import hashlib
import json


def fingerprint(policy: str) -> str:
    """SHA-256 of the policy, whatever its spacing, the order of its elements and ``"x"`` or ``["x"]``.

    KMS gives a policy back with other spacing than it was put with, so texts cannot be compared. A text that is not
    JSON is its own meaning.
    """
    try:
        meaning = json.dumps(_plain(json.loads(policy)), sort_keys=True)
    except ValueError:
        meaning = policy
    return hashlib.sha256(meaning.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        parts = [_plain(part) for part in value]
        if all(isinstance(part, str) for part in parts):
            parts = sorted(set(parts), key=str)  # a list of texts is a set: IAM reads it as "one of"
        return parts[0] if len(parts) == 1 else parts
    return value
