"""What is asked of everybody: key policies, each with its key and the perimeter that it is held against."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.perimeter import Perimeter, Rule
from kms_perimeter.policy import document
from kms_perimeter.policy.key import Key
from tests.conformance import suite

REAL = Path(__file__).parents[2] / "shared" / "kms-key-policies.jsonl"
ENDPOINT, VPC = "vpce-0a1b2c3d4e5f60718", "vpc-0d4e5f60718a9b2c3"
PERIMETER = Perimeter("production", (Rule("use", ("cryptographic",), (ENDPOINT,), (VPC,)),))
_NOBODYS_ACCOUNT = "111122223333"
_KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"


@dataclass(frozen=True, slots=True)
class Question:
    """Is this key, with this policy, enclosed by this perimeter?"""

    text: str
    key: Key
    perimeter: Perimeter = PERIMETER


def load() -> tuple[str, list[Question]]:
    """The questions and where they come from: policies from real life where they lie beside this repository."""
    if REAL.is_file():
        texts = [json.dumps(json.loads(line)["policy"]) for line in REAL.read_text().splitlines()]
        return "key policies from public repositories", [Question(text, _key(text)) for text in texts]
    cases = suite.all_of("enclosed", "escapes")
    return "cases of tests/cases", [Question(c.policy_text, c.key, c.perimeter) for c in cases]


def _key(text: str) -> Key:
    """A key of the account that the policy names, so that nobody has to guess."""
    try:
        account = document.account_of(document.parse(text))
    except MalformedPolicy:
        account = None
    return Key(account=account or _NOBODYS_ACCOUNT, region="us-east-1", key_id=_KEY_ID)
