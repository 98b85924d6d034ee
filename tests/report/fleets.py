"""Fleets to report on: the policies are files, and their verdicts and plans are made by the engine itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from kms_perimeter import perimeter, remedy, verdict
from kms_perimeter.fleet import Day, Fleet, KeyFinding, Opened, Skipped, Standing, Unscanned
from kms_perimeter.perimeter import PolicyException
from kms_perimeter.policy.key import Key
from kms_perimeter.verdict import Outcome

POLICIES = Path(__file__).parent / "policies"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("eu-west-1", "us-east-1", "eu-central-1")
HOSTILE = "alias/</script><img/src=x/onerror=document.title='owned'>"
NAMES = ("orders", "payroll", "backups", "sessions", "mail", "search")


@cache
def judged(policy: str) -> KeyFinding:
    """A key with this policy, judged under a perimeter of one endpoint and planned for."""
    account, region, key_id = ACCOUNTS[0], REGIONS[0], "00000000-0000-4000-8000-000000000000"
    text, key = (POLICIES / f"{policy}.json").read_text(), Key(account, region, key_id)
    under = perimeter.simple((ENDPOINT,), ()).perimeters[0]
    found = verdict.judge(text, key, under)
    plan = remedy.plan(text, key, under) if found.outcome is Outcome.ESCAPES else None
    arn = f"arn:aws:kms:{region}:{account}:key/{key_id}"
    named = KeyFinding(account, region, arn, key_usage=key.usage, key_spec=key.spec, state="Enabled", tags={})
    return replace(named, perimeter="production", mode="alert", policy=text, verdict=found, plan=plan)


def enclosed() -> KeyFinding:
    """A key that is enclosed, by the policy that the guard's plan makes."""
    found = judged("delegating")
    assert found.plan
    return replace(found, policy=None, plan=None, verdict=found.plan.verdict)


def a_key(number: int, found: KeyFinding, *aliases: str, days: int | None = None) -> KeyFinding:
    """A key of its own that stands as `found`; open for so many days, where that is given."""
    account, region = ACCOUNTS[number % 2], REGIONS[number % 3]
    arn = f"arn:aws:kms:{region}:{account}:key/{number:08x}-0000-4000-8000-{number:012x}"
    opened = None
    if days is not None:
        actor = "arn:aws:sts::111122223333:assumed-role/Pipeline/deploy"
        opened = Opened(NOON - timedelta(days=days), actor, "PutKeyPolicy", "198.51.100.7")
    return replace(found, account=account, region=region, arn=arn, aliases=aliases, opened=opened)


def small() -> Fleet:
    """Keys of every standing, one of them with hostile names."""
    until = PolicyException("", "moves in January", "team-x", date(2027, 1, 31))
    unwatched = replace(enclosed(), verdict=None, perimeter=None, mode=None)
    findings = (
        a_key(1, enclosed(), "alias/mail"),
        a_key(2, judged("delegating"), "alias/orders", "alias/orders-2019", days=43),
        a_key(3, judged("past-three-denies"), "alias/payroll", days=2),
        a_key(4, judged("granting"), "alias/broker"),
        a_key(5, judged("unknown-key"), "alias/unknown"),
        a_key(6, judged("hostile"), HOSTILE, days=5),
        a_key(7, replace(judged("delegating"), exception=until, plan=None), "alias/legacy"),
        a_key(8, replace(unwatched, unreadable="AccessDeniedException: not <b>authorized</b>"), "alias/locked"),
        a_key(9, unwatched),
        *(a_key(number, enclosed(), f"alias/{NAMES[number % 6]}-{number}") for number in range(10, 24)),
    )
    unscanned = (Unscanned(ACCOUNTS[1], "ap-south-1", "AccessDeniedException: <script>no</script>"),)
    return Fleet(
        findings, NOON - timedelta(minutes=3), NOON, {Skipped.AWS_MANAGED: 12}, unscanned, history(len(findings))
    )


def history(size: int, days: int = 60) -> tuple[Day, ...]:
    """A fleet that is being closed: from half open to what is open now."""
    found = []
    for back in range(days, 0, -1):
        opened = 4 + (size // 2 - 4) * back // days
        counts = {Standing.OPEN: opened, Standing.UNDECIDED: 2, Standing.ENCLOSED: size - opened - 2}
        found.append(Day((NOON - timedelta(days=back)).date(), counts))
    return tuple(found)


def large(size: int) -> Fleet:
    """So many keys, every fourth of which is open in one of three ways."""
    ways = (judged("delegating"), judged("past-three-denies"), judged("granting"))
    findings = tuple(
        a_key(number, enclosed(), f"alias/{NAMES[number % 6]}-{number}")
        if number % 4
        else a_key(number, ways[number // 4 % 3], f"alias/{NAMES[number % 6]}-{number}", days=number % 300)
        for number in range(size)
    )
    return Fleet(findings, NOON - timedelta(minutes=9), NOON, history=history(size))
