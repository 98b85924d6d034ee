"""`kms-perimeter replay`: what the service would decide on recorded events."""

import json
from pathlib import Path

import pytest

from tests.unit.command import CASES, ENDPOINT, ROOT, SEVERAL, VPCS, run

EVENTS = ROOT / "events"
OPENED = str(EVENTS / "somebody_opens_a_key_from_the_internet.json")
TAGGED = str(EVENTS / "a_key_is_tagged.json")
READ = str(EVENTS / "somebody_reads_a_policy.json")
TRUNCATED = str(EVENTS / "a_policy_is_too_long_for_cloudtrail.json")
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_decides_on_the_policy_that_the_event_carries() -> None:
    """The change, the verdict and the decision are printed, with what the service would read."""
    ran = run("replay", OPENED, *ENDPOINT, "--format", "json")

    printed = ran.json
    assert (ran.status, printed["file"], printed["ignored"]) == (0, OPENED, None)
    assert (printed["change"]["event_name"], printed["change"]["key_arn"]) == ("PutKeyPolicy", KEY)
    assert printed["would_read"] == ["kms:DescribeKey", "kms:GetKeyPolicy"]
    assert printed["created_from_outside"] is True
    assert printed["verdict"]["verdict"] == "escapes"
    assert printed["decision"]["decision"] == "remediate"


@pytest.mark.parametrize("event", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_has_an_answer(event: Path) -> None:
    """Each recorded event is a change or ignored, with and without a perimeter, as text and as JSON."""
    with_perimeter = run("replay", str(event), *VPCS, "--format", "json")
    without = run("replay", str(event), "--format", "json")

    assert (with_perimeter.json["change"] is None) != (with_perimeter.json["ignored"] is None)
    assert (without.json["verdict"], without.status) == (None, 0)
    assert run("replay", str(event), *ENDPOINT).status == 0


def test_a_new_key_is_judged_by_its_own_usage() -> None:
    """The event that makes a signing key says that it is one, and the policy is judged for signing."""
    event = json.loads((EVENTS / "a_key_is_created_with_its_own_policy_through_an_endpoint.json").read_text())
    metadata = event["detail"]["responseElements"]["keyMetadata"]
    metadata |= {"keyUsage": "SIGN_VERIFY", "keySpec": "ECC_NIST_P256"}

    printed = run("replay", "-", *ENDPOINT, "--format", "json", stdin=json.dumps(event)).json

    assert (printed["verdict"]["key_usage"], printed["verdict"]["verdict"]) == ("SIGN_VERIFY", "enclosed")


def test_an_exception_is_kept() -> None:
    """The perimeter file's exception for the key silences the event while it holds."""
    ran = run("replay", OPENED, *VPCS, "--format", "json")

    assert ran.json["decision"]["reason"].startswith("excepted: team-x answers for the key until 2027-01-31")


def test_an_ignored_event_names_its_reason() -> None:
    """What is none of our business is said in one line."""
    assert run("replay", READ).out == f"{READ}: ignored, read-only: GetKeyPolicy only reads\n"
    assert run("replay", READ, "--format", "json").json["ignored"]["reason"] == "read-only"


def test_an_event_without_policy_names_what_would_be_read() -> None:
    """Where the event carries no policy only the live one counts; tags are read where a perimeter asks for them."""
    lines = run("replay", TAGGED, *SEVERAL).out.splitlines()

    assert lines == [
        f"{TAGGED}: TagResource on {KEY}",
        "  by arn:aws:iam::111122223333:user/Alice",
        "  on 2026-11-24 10:00:00 UTC from 198.51.100.7, itself outside the perimeter",
        "  the service would read: kms:DescribeKey, kms:ListResourceTags, kms:GetKeyPolicy",
        "  the event carries no policy, so only the live one can be judged",
    ]


def test_a_truncated_event_says_so() -> None:
    """Parameters over 100 KB are missing, and that is told."""
    last = run("replay", TRUNCATED, *ENDPOINT).out.splitlines()[-1]

    assert last == "  CloudTrail left the parameters out (over 100 KB), so only the live policy can be judged"


def test_without_perimeter_nothing_is_judged() -> None:
    """The policy that the event carries is only judged under a perimeter."""
    last = run("replay", OPENED).out.splitlines()[-1]

    assert last == "  give --perimeter to judge the policy that the event carries"


def test_several_events_are_an_array() -> None:
    """An array in the order of the arguments."""
    ran = run("replay", READ, OPENED, "--format", "json")

    assert [one["file"] for one in ran.json] == [READ, OPENED]


@pytest.mark.parametrize("wrapped", [lambda records: {"Records": records}, lambda records: records])
def test_a_log_file_of_a_trail_is_many_events(tmp_path: Path, wrapped: object) -> None:
    """The file that CloudTrail puts into its bucket holds many records."""
    records = [json.loads(Path(name).read_text())["detail"] for name in (OPENED, READ)]
    log = tmp_path / "log.json"
    log.write_text(json.dumps(wrapped(records)))  # type: ignore[operator]

    printed = run("replay", str(log), "--format", "json").json

    assert [one["ignored"] is None for one in printed] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"), [("", "line 1, column 1: not JSON: expecting value"), ("{,}", "line 1, column 2: not JSON:")]
)
def test_what_is_no_json_is_bad_input(text: str, said: str) -> None:
    """Something that is no event at all is refused with its place."""
    ran = run("replay", "-", stdin=text)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"kms-perimeter: -: {said}")


def test_json_that_is_no_event_is_ignored() -> None:
    """JSON that is no CloudTrail record is ignored for a reason, like a record in the queue would be."""
    assert run("replay", "-", stdin="7").out == "-: ignored, unreadable: the record is not an object\n"


def test_the_cases_are_where_they_are_said_to_be() -> None:
    """The perimeters of these tests are files that a person can read."""
    assert {path.name for path in CASES.glob("*.perimeter.*")} == {
        "endpoint.perimeter.json",
        "several.perimeter.yaml",
        "vpcs.perimeter.yaml",
    }
