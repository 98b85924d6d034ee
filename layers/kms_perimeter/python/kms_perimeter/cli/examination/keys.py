"""Can the service read each key, and change its policy where it may?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter.cli.examination.sign import green, red, yellow
from kms_perimeter.cli.scanning.region import side_by_side
from kms_perimeter.errors import KeyIsGone, KmsRefusal, MalformedPolicy
from kms_perimeter.evidence import DYING
from kms_perimeter.policy import document, evaluator
from kms_perimeter.policy.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kms_perimeter.aws.kms import Keys
    from kms_perimeter.cli.examination.sign import Sign
    from kms_perimeter.cli.scanning.region import Listed
    from kms_perimeter.policy.key import Key

NAMED = 10  # keys that are named before "and … more"
READ = ("kms:DescribeKey", "kms:GetKeyPolicy")
CHANGE = ("kms:GetKeyPolicy", "kms:PutKeyPolicy")
# Functions of the service are in no VPC: they call KMS from public addresses of AWS.
_PUBLIC = {
    "aws:SourceIp": "203.0.113.7",
    "aws:ViaAWSService": "false",
    "aws:PrincipalIsAWSService": "false",
    "aws:SecureTransport": "true",
}


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the service: its ARN, and what it must be able to do with each key."""

    arn: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """What is found about one key.

    Attributes:
        name: the key for people.
        unseen: why the person who asks cannot read it, or None.
        kept_out: roles that the policy keeps out.
    """

    name: str
    unseen: str | None = None
    kept_out: tuple[Role, ...] = ()


def examine(keys: Keys, listed: Listed, roles: tuple[Role, ...], workers: int) -> Iterator[Sign]:
    """A sign for each role, and one for the keys that the person who asks cannot read."""

    def look(arn: str) -> Reach | None:
        return None if listed.is_aws_managed(arn) else _reach(keys, arn, listed.aliases_of(arn), roles)

    reached = [one for one in side_by_side(look, listed.arns, workers) if one]
    yield from _signs(reached, roles)


def _reach(keys: Keys, arn: str, aliases: tuple[str, ...] | None, roles: tuple[Role, ...]) -> Reach | None:
    name = f"{arn} ({aliases[0]})" if aliases else arn
    try:
        live = keys.describe(arn)
        if live.manager == "AWS" or live.state in DYING:
            return None
        policy = document.parse(keys.policy(arn))
    except KeyIsGone:
        return None
    except (KmsRefusal, MalformedPolicy) as refusal:
        return Reach(name, unseen=str(refusal))
    return Reach(name, kept_out=tuple(role for role in roles if not may(role, live.key, policy)))


def may(role: Role, key: Key, policy: document.KeyPolicy) -> bool:
    """Whether a key policy lets a role of the service do all of its work, whose IAM policy allows it."""
    account = role.arn.split(":")[4]
    context = _PUBLIC | {
        "aws:PrincipalArn": role.arn,
        "aws:PrincipalAccount": account,
        "kms:CallerAccount": account,
    }
    requests = (Request(role.arn, action, key.arn, context) for action in role.actions)
    return all(evaluator.evaluate(policy, request, key).decision == evaluator.ALLOWED for request in requests)


def _signs(reached: list[Reach], roles: tuple[Role, ...]) -> Iterator[Sign]:
    seen = [one for one in reached if one.unseen is None]
    counts = Counter(role for one in seen for role in one.kept_out)
    for role in roles:
        work = "read" if role.actions == READ else "change the policies of"
        if not counts[role]:
            yield green("keys", f"`{role.arn}` can {work} {len(seen)} of {len(seen)} keys")
            continue
        names = _named(one.name for one in seen if role in one.kept_out)
        todo = f"let it do {' and '.join(role.actions)} in their policies, from outside every VPC"
        told = f"`{role.arn}` cannot {work} {counts[role]} of {len(seen)} keys: {names}"
        yield red("keys", told, todo) if role.actions == READ else yellow("keys", told, todo)
    if unseen := [one for one in reached if one.unseen is not None]:
        told = f"{len(unseen)} of {len(reached)} keys cannot be read by you: {_named(one.name for one in unseen)}"
        yield yellow("keys", told, f"ask somebody who may, or let their policies admit you ({unseen[0].unseen})")
    elif not roles:
        yield green("keys", f"you can read {len(reached)} of {len(reached)} keys")


def _named(names: Iterable[str]) -> str:
    given = list(names)
    more = f" and {len(given) - NAMED} more" if len(given) > NAMED else ""
    return ", ".join(given[:NAMED]) + more
