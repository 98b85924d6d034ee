"""A new version of the perimeter file: in force if it is good, and told if it is not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kms_perimeter import guard
from kms_perimeter.aws.ledger import Governing
from kms_perimeter.aws.parameters import Parameter
from kms_perimeter.errors import MalformedPerimeter
from kms_perimeter.governing import in_force
from tests.unit.account import APPROVED, OPEN, Account, a_change

NAME = "/kms-perimeter/perimeter"
RULE = {"name": "use", "operations": ["cryptographic"], "vpc_endpoints": [APPROVED]}
GOOD = json.dumps({"version": 1, "perimeters": [{"name": "first", "rules": [RULE]}]})
BETTER = GOOD.replace("first", "second")
BAD = GOOD.replace("cryptographic", "criptographic")


def kept(account: Account) -> Governing:
    """Where the last good version is, as a fresh process finds it."""
    return Governing(account.dynamodb, "ledger")


def decides(account: Account, text: str, version: int) -> tuple[str, str]:
    """Name of the perimeter that decides, and the version, once this text is the newest."""
    found = in_force(Parameter(text, version), kept(account), account.guard.alerts, NAME)
    return found.file.perimeters[0].name, found.version


def test_a_good_version_takes_the_place_of_the_one_before(account: Account) -> None:
    """The newest good version decides, silently."""
    assert decides(account, GOOD, 1) == ("first", "1")
    assert decides(account, BETTER, 2) == ("second", "2")
    assert account.kinds() == []


def test_a_bad_version_never_takes_the_place_of_a_good_one(account: Account) -> None:
    """Every process goes on by the last good version, and people are told once, with the place of the mistake."""
    decides(account, GOOD, 1)

    went_on = [decides(account, BAD, 2) for _ in range(3)]

    assert went_on == [("first", "1")] * 3
    (told,) = account.told()
    assert (told["kind"], told["version"], told["in_force"]) == ("perimeter-refused", 2, 1)
    assert "perimeters[0].rules[0].operations[0]" in told["reason"]


def test_the_next_bad_version_is_told_too(account: Account) -> None:
    """Who mends one mistake by another hears of it; who mends it is in force."""
    decides(account, GOOD, 1)
    decides(account, BAD, 2)

    assert decides(account, BAD, 3) == ("first", "1")
    assert decides(account, BETTER, 4) == ("second", "4")
    assert account.kinds() == ["perimeter-refused"] * 2


def test_a_first_version_that_is_bad_decides_nothing(account: Account) -> None:
    """Without a good version there is nothing to go on by: the function fails, and the message waits."""
    with pytest.raises(MalformedPerimeter):
        decides(account, BAD, 1)


def test_the_version_that_decided_is_in_the_ledger(account: Account) -> None:
    """Years later the entry tells by which file the key was judged."""
    arn = account.key(OPEN)

    guard.examine(replace(account.guard, perimeter_version="7"), a_change(arn))

    (entry,) = account.guard.ledger.entries(arn)
    assert entry.facts["perimeter_version"] == "7"
