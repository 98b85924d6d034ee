import json
from datetime import timedelta

import pytest

from kms_perimeter import guard
from kms_perimeter.aws.ledger import Entry
from kms_perimeter.order import Order
from kms_perimeter.remediation import remediate
from tests.unit.account import NOON, OPEN, OURS, REGION, Account, a_change
from tests.unit.command import Ran, run
from tests.unit.deployed import deploy

PIPELINE = f"arn:aws:sts::{OURS}:assumed-role/Pipeline/run"


def history(*arguments: str) -> Ran:
    """Runs `history` in the account's Region."""
    return run("history", *arguments, "--region", REGION)


@pytest.fixture
def fixed(account: Account) -> str:
    """A key that somebody has opened and the guard has closed, in an account with a deployment."""
    deploy(account)
    arn = account.key(OPEN)
    account.kms.create_alias(AliasName="alias/prod-payments", TargetKeyId=arn)
    guard.examine(account.guard, a_change(arn))
    (ordered,) = account.ordered()
    remediate(account.guard, Order.from_json(ordered))
    return arn


def entries(account: Account, arn: str) -> list[Entry]:
    """What the ledger has about a key, oldest first."""
    return list(account.guard.ledger.entries(arn, newest_first=False))


@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias ARN"])
def test_tells_the_story_of_a_key_whatever_it_is_called_by(account: Account, fixed: str, form: str) -> None:
    """What was found, planned and done, in this order, by whom and from where, each with the ID of its entry."""
    alias = "alias/prod-payments"
    names = {"id": fixed.rsplit("/", 1)[-1], "arn": fixed, "alias": alias}
    names["alias ARN"] = f"arn:aws:kms:{REGION}:{OURS}:{alias}"

    ran = history(names[form])

    heads = [line.split() for line in ran.out.splitlines() if line[:1] == "2"]
    assert ran.status == 0
    assert [(head[3], head[4].rstrip(",")) for head in heads] == [
        (entry.id, entry.kind.word) for entry in entries(account, fixed)
    ]
    assert [head[4] for head in heads] == ["verdict,", "planned,", "remediated,"]
    assert f"  by {PIPELINE}, PutKeyPolicy, from 203.0.113.7 (cause event-1)" in ran.out
    assert OPEN not in ran.out


def test_what_the_ledger_keeps_for_programs_is_told_in_words(fixed: str) -> None:
    """How many proofs held, and when the key was open; no JSON."""
    told = history(fixed).out

    assert "  proofs: 9 of 9 hold\n" in told
    assert f"  exposure: from 2026-11-24 12:00:00 UTC to 2026-11-24 12:00:00 UTC, opened by {PIPELINE}\n" in told
    assert "{" not in told


def test_programs_get_the_same_with_the_policies(account: Account, fixed: str) -> None:
    """The replaced policy is there to the letter, and the verdict as `check` prints it."""
    told = history(fixed, "--format", "json").json

    assert [entry["kind"] for entry in told] == ["verdict", "planned", "remediated"]
    assert told[0]["verdict"]["verdict"] == "escapes"
    assert json.loads(told[1]["before"]) == json.loads(OPEN)
    assert [entry["id"] for entry in told] == [entry.id for entry in entries(account, fixed)]


def test_one_entry_is_shown_with_what_it_replaced(account: Account, fixed: str) -> None:
    """Before, after, and the difference."""
    planned = entries(account, fixed)[1]

    out = history(fixed, "--entry", planned.id).out

    assert "before:" in out.split("after:")[0]
    assert '+      "Effect": "Deny"' in out.split("the change:")[1]


def test_a_story_can_begin_later(account: Account, fixed: str) -> None:
    """What lies before is left out; the time may be a day."""
    later = a_change(fixed, "event-2", policy=OPEN, time=NOON + timedelta(days=1))
    guard.examine(account.guard, later)

    causes = {entry["cause"] for entry in history(fixed, "--since", "2026-11-25", "--format", "json").json}

    assert causes == {"event-2"}


def test_a_day_is_told_for_all_keys(account: Account, fixed: str) -> None:
    """Who looks after the service sees what has happened, without knowing a key."""
    other = account.key(OPEN)
    guard.examine(account.guard, a_change(other))

    told = history("--day", "2026-11-24", "--format", "json").json

    assert {entry["key"] for entry in told} == {fixed, other}
    assert history("--day", "2026-11-23").status == 1


def test_a_key_that_is_gone_still_has_its_story(account: Account, fixed: str) -> None:
    """Its ID is enough: KMS is not asked."""
    account.calls.clear()

    assert history(fixed.rsplit("/", 1)[-1]).status == 0

    assert "DescribeKey" not in account.calls


@pytest.mark.usefixtures("fixed")
def test_a_key_that_the_ledger_does_not_know_is_named() -> None:
    """An empty story is told as such."""
    ran = history("1234abcd-12ab-34cd-56ef-1234567890ab", "--format", "json")

    arn = f"arn:aws:kms:{REGION}:{OURS}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert (ran.status, ran.out) == (1, "[]\n")
    assert ran.err == f"kms-perimeter: the ledger has nothing about {arn}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a KEY or --day"),
        (["alias/prod-payments", "--day", "2026-11-24"], "give a KEY or --day"),
        (["--day", "2026-11-24", "--entry", "0123456789ab"], "give the KEY that the entry is about"),
        (["alias/prod-payments", "--entry", "0123456789ab"], "the ledger has no entry `0123456789ab`"),
        (["alias/no-such-alias"], "NotFoundException"),
        (["alias/prod-payments", "--since", "yesterday"], "is no day or time"),
    ],
)
@pytest.mark.usefixtures("fixed")
def test_what_cannot_be_told_is_bad_usage(arguments: list[str], message: str) -> None:
    """One line says what is missing."""
    ran = history(*arguments)

    assert ran.status == 2
    assert message in ran.err


def test_what_somebody_wrote_into_a_policy_does_not_reach_the_terminal(account: Account) -> None:
    """An actor's name or a policy with control characters is shown without them."""
    deploy(account)
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn, actor="evil\x1b[2J"))

    assert "\x1b" not in history(arn).out
