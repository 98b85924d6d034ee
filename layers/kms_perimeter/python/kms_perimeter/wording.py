"""The phrases that messages and the command line are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from kms_perimeter.cloudtrail import WATCHED
from kms_perimeter.letter import Part
from kms_perimeter.verdict import Outcome, Route

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kms_perimeter.cloudtrail import KeyChange
    from kms_perimeter.verdict import Advisory, Escape, StatementRef, Verdict

NAMED = 4  # operations and advisories that are named before "and … more"

MAY_STAY_OPEN = (
    "If the key must stay open, name it and its owner under `exceptions` in the perimeter file, "
    "or until a day: `kms-perimeter exempt KEY --until DAY --reason WHY`."
)

_CONSOLES = {
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}
_TO_WHOM = {
    Route.KEY_POLICY: "to the callers that it names",
    Route.IAM: "to whoever an IAM policy of account {account} allows it",
    Route.GRANT: "to whoever holds a grant for it",
}


def findings(verdict: Verdict) -> tuple[str, ...]:
    """What the verdict found: by each statement what it opens and to whom, or the reason of the outcome."""
    if verdict.outcome is not Outcome.ESCAPES:
        return (sentence(verdict.reason or verdict.outcome.value),)
    groups = grouped(verdict.escapes)
    return tuple(line for (statement, route), group in groups.items() for line in _opening(statement, route, group))


def grouped(escapes: Iterable[Escape]) -> dict[tuple[StatementRef, Route], list[Escape]]:
    """The escapes by what opens them, since one statement usually opens many operations in one way."""
    groups: dict[tuple[StatementRef, Route], list[Escape]] = {}
    for escape in escapes:
        groups.setdefault((escape.statement, escape.route), []).append(escape)
    return groups


def _opening(statement: StatementRef, route: Route, group: list[Escape]) -> tuple[str, str]:
    what = ", ".join(first(tuple(dict.fromkeys(escape.operation for escape in group)), NAMED))
    to_whom = _TO_WHOM[route].format(account=account_of(group[0].request.principal))
    return f"{named(statement)} opens {what} {to_whom}.", f"  {sentence(group[0].why)}"


def account_of(principal: str) -> str:
    """The account in the ARN of a principal; a service principal has none."""
    return principal.split(":")[4] if principal.startswith("arn:") else "of AWS"


def named(statement: StatementRef) -> str:
    """A statement as a person finds it in the policy: by its place, and its Sid where it has one."""
    return f'Statement[{statement.index}] "{statement.sid}"' if statement.sid else f"Statement[{statement.index}]"


def cause(change: KeyChange | None, *, outside: bool | None) -> Part:
    """Who made the call, from where and when."""
    if change is None or change.event_name not in WATCHED:
        finder = f"a sweep that began on {at(change.time)}" if change else "the guard"
        return Part("Who did it", (f"Not known: {finder} found the key like this.",))
    origin = f"from {change.source_ip or 'an unknown address'}"
    if change.vpc_endpoint_id:
        origin += f" through {change.vpc_endpoint_id}"
    if outside:
        origin += ", itself outside the perimeter"
    missing = ("CloudTrail left the parameters of the call out: they are over 100 KB.",) if change.truncated else ()
    return Part("Who did it", (change.actor, f"by {change.event_name} on {at(change.time)}", origin, *missing))


def notes(advisories: tuple[Advisory, ...]) -> Part:
    """The advisories."""
    lines = (f"{named(a.statement) + ': ' if a.statement else ''}{sentence(a.message)}" for a in advisories)
    return Part("Also worth knowing", first(tuple(lines), NAMED))


def what_to_do(*, change_is_shown: bool) -> tuple[str, ...]:
    """What a person does about an open key: close it, or answer for it."""
    by_hand = "restrict the statement to the approved networks, or add a Deny for all others: see `kms-perimeter fix`."
    where = "Make the change above where the policy is kept: Terraform, CloudFormation or the console."
    return (*((where, f"Or {by_hand}") if change_is_shown else (sentence(by_hand),)), MAY_STAY_OPEN)


def console(key_arn: str) -> str:
    """The key in the console of its partition and Region."""
    _, partition, _, region, _, _ = key_arn.split(":", 5)
    return f"{_home(partition, region)}/kms/home?region={region}#/kms/keys/{key_id(key_arn)}"


def console_of_object(partition: str, region: str, bucket: str, name: str) -> str:
    """An object of S3 in the console of its partition and Region: who opens it there signs in first."""
    return f"{_home(partition, region)}/s3/object/{bucket}?region={region}&prefix={quote(name)}"


def console_of_alarm(arn: str) -> str:
    """An alarm of CloudWatch in the console of its partition and Region."""
    _, partition, _, region, _, _, name = arn.split(":", 6)
    return f"{_home(partition, region)}/cloudwatch/home?region={region}#alarmsV2:alarm/{quote(name)}"


def _home(partition: str, region: str) -> str:
    return f"https://{region}.{_CONSOLES.get(partition, 'console.aws.amazon.com')}"


def first(items: tuple[str, ...], most: int) -> tuple[str, ...]:
    """The first of the items, and how many there are besides."""
    return items if len(items) <= most else (*items[:most], f"and {len(items) - most} more")


def key_id(key_arn: str) -> str:
    """The ID of the key."""
    return key_arn.rsplit("/", 1)[-1]


def sentence(clause: str) -> str:
    """The clause as a sentence; what begins with a name, such as `aws:SourceIp`, keeps its spelling."""
    word = clause.split(" ", 1)[0]
    return (clause[:1].upper() + clause[1:] if word.isalpha() else clause).rstrip(".") + "."


def times(count: int) -> str:
    """How often."""
    return "once" if count == 1 else f"{count} times"


def at(time: datetime | None) -> str:
    """When, in UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "a time that is not known"


def duration(start: datetime | None, end: datetime | None) -> str:
    """How long, after a comma; nothing where it is not known."""
    if start is None or end is None:
        return ""
    minutes, seconds = divmod(int((end - start).total_seconds()), 60)
    return f", {minutes} min {seconds} s" if minutes else f", {seconds} s"
