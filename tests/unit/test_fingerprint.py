import json

import pytest

from kms_perimeter.fingerprint import fingerprint
from tests.unit.account import OPEN, closed


@pytest.mark.parametrize(
    "same",
    [
        json.dumps(json.loads(OPEN), indent=2),
        json.dumps(json.loads(OPEN), sort_keys=True),
        OPEN.replace('"kms:*"', '["kms:*"]'),
        json.dumps({**json.loads(OPEN), "Statement": json.loads(OPEN)["Statement"][0]}),
    ],
)
def test_is_the_same_for_the_same_meaning(same: str) -> None:
    """KMS gives a policy back with other spacing, and a pipeline may write a list of one."""
    assert fingerprint(same) == fingerprint(OPEN)


def test_the_order_of_values_does_not_count() -> None:
    """Actions, principals and values of a condition are sets."""
    assert fingerprint('{"Action": ["a", "b"]}') == fingerprint('{"Action": ["b", "a", "b"]}')


@pytest.mark.parametrize("other", [closed(), OPEN.replace("kms:*", "kms:Decrypt"), OPEN.replace("Allow", "Deny"), "no"])
def test_is_another_for_another_meaning(other: str) -> None:
    """Whatever changes the meaning changes the fingerprint; a text that is not JSON has one too."""
    assert fingerprint(other) != fingerprint(OPEN)
