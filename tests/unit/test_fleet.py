"""A fleet: how keys stand, and what programs read of it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kms_perimeter.fleet import Day, Fleet, KeyFinding, Opened, Skipped, Standing, Unscanned
from kms_perimeter.perimeter import PolicyException
from kms_perimeter.verdict import Outcome, Verdict

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EXCEPTION = PolicyException(ARN, "moves in January", "team-x", date(2027, 1, 31))


def a_finding(outcome: Outcome | None = Outcome.ENCLOSED) -> KeyFinding:
    """A key with this verdict."""
    verdict = Verdict(outcome, "default", "ENCRYPT_DECRYPT") if outcome else None
    return KeyFinding("111122223333", "eu-west-1", ARN, verdict=verdict)


@pytest.mark.parametrize(
    ("finding", "standing"),
    [
        (a_finding(Outcome.ENCLOSED), Standing.ENCLOSED),
        (a_finding(Outcome.ESCAPES), Standing.OPEN),
        (a_finding(Outcome.UNDECIDED), Standing.UNDECIDED),
        (a_finding(Outcome.MALFORMED), Standing.MALFORMED),
        (a_finding(None), Standing.UNWATCHED),
        (replace(a_finding(None), unreadable="access denied"), Standing.UNREADABLE),
        (replace(a_finding(Outcome.ESCAPES), exception=EXCEPTION), Standing.EXCEPTED),
        (replace(a_finding(Outcome.ENCLOSED), exception=EXCEPTION), Standing.ENCLOSED),
    ],
)
def test_every_key_stands_in_one_way(finding: KeyFinding, standing: Standing) -> None:
    """A verdict, the lack of one, or an exception says how a key stands; an enclosed key needs no exception."""
    assert finding.standing is standing


def test_a_key_is_named_by_its_first_alias() -> None:
    """People know a key by its alias, and by its ID where it has none."""
    assert replace(a_finding(), aliases=("alias/prod", "alias/old")).name == "alias/prod"
    assert a_finding().name == "1234abcd-12ab-34cd-56ef-1234567890ab"


def test_a_fleet_is_json_with_every_count() -> None:
    """Programs find every standing and every reason for skipping, those with none among them."""
    opened = replace(a_finding(Outcome.ESCAPES), opened=Opened(NOON, "arn:aws:iam::111122223333:role/Pipeline"))
    fleet = Fleet(
        (a_finding(), opened),
        NOON,
        NOON + timedelta(seconds=5),
        {Skipped.AWS_MANAGED: 3},
        (Unscanned("111122223333", "us-east-1", "access denied"),),
        (Day(date(2026, 11, 23), {Standing.OPEN: 2}),),
    )

    printed = json.loads(json.dumps(fleet.to_json()))

    assert printed["counts"] == {standing.value: int(standing in ("open", "enclosed")) for standing in Standing}
    assert printed["skipped"] == {"aws-managed-key": 3, "pending-deletion": 0, "key-gone": 0}
    assert [key["standing"] for key in printed["keys"]] == ["enclosed", "open"]
    assert printed["keys"][1]["opened"]["at"] == "2026-11-24T12:00:00+00:00"
    assert printed["history"][0]["day"] == "2026-11-23"
    assert printed["history"][0]["counts"]["open"] == 2
    assert fleet.of(Standing.OPEN) == (opened,)
