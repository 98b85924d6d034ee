"""The verdict on a key policy in infrastructure code, over everything that it can become when it is deployed.

Nothing is made up: where two deployments, or two values of something unknown, get different verdicts, the verdict is
`undecided` and says what it depends on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from kms_perimeter.cli.infrastructure import unknown
from kms_perimeter.cli.infrastructure.found import ACCOUNT, REGION, Deployment
from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy import document
from kms_perimeter.verdict import Outcome, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.cli.infrastructure.found import Found, Reading
    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.jsontext import Place

MOST_DEPLOYMENTS = 32
_ACCOUNT = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
_REGION = re.compile(r"(?<![a-z])[a-z]{2}(?:-[a-z]+)+-[0-9](?![0-9])")
# Stand-ins for an account and a Region that are not given: any that is named nowhere is like any other.
_ACCOUNTS = ("111122223333", "444455556666", "123456789012")
_REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-2")


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and where the policy's statements (or its fault) stand in the file."""

    verdict: Verdict
    fault: Place | None = None
    statements: tuple[Place | None, ...] = ()


def judge_found(found: Found, perimeter: Perimeter, account: str | None, region: str | None) -> Judged:
    """The verdict on a policy in a file, deployed into this account and Region, or into any where they are None."""
    judged: dict[Outcome, Judged] = {}
    told: dict[Outcome, str] = {}
    for count, (deployment, reading) in enumerate(_readings(found, perimeter, account, region)):
        if count == MOST_DEPLOYMENTS:
            return _undecided(reading, perimeter, "it depends on more conditions, accounts and Regions than are tried")
        one = _judge_reading(reading, perimeter)
        judged.setdefault(one.verdict.outcome, one)
        told.setdefault(one.verdict.outcome, _told(deployment, reading, account, region))
    if len(judged) == 1:
        return next(iter(judged.values()))
    differs = ", ".join(f"`{outcome}` {told[outcome]}" for outcome in judged)
    return _undecided(reading, perimeter, f"the verdict depends on how it is deployed: {differs}")


def _readings(
    found: Found, perimeter: Perimeter, account: str | None, region: str | None
) -> Iterator[tuple[Deployment, Reading]]:
    """Everything that the policy can become: by its conditions, and by account and Region where they are not given."""
    for deployment, reading in _settled(found, Deployment(account or _ACCOUNTS[0], region or _REGIONS[0])):
        other = found.read(replace(deployment, account=account or _ACCOUNTS[1], region=region or _REGIONS[1]))
        texts = (reading.text, other.text, repr(perimeter))
        accounts = (
            [deployment.account] if account or ACCOUNT not in reading.used else _tried(_ACCOUNT, _ACCOUNTS, texts)
        )
        regions = [deployment.region] if region or REGION not in reading.used else _tried(_REGION, _REGIONS, texts)
        for one, its_region in product(accounts, regions):
            chosen = replace(deployment, account=one, region=its_region)
            yield chosen, found.read(chosen)


def _tried(pattern: re.Pattern[str], stand_ins: tuple[str, ...], texts: tuple[str, str, str]) -> list[str]:
    """Each name that the policy holds wherever it is deployed, or the perimeter; first one that neither holds."""
    one, other, perimeter = (set(pattern.findall(text)) for text in texts)
    named = sorted((one & other) | perimeter)
    return [next((name for name in stand_ins if name not in named), stand_ins[0]), *named]


def _settled(found: Found, deployment: Deployment) -> Iterator[tuple[Deployment, Reading]]:
    """The readings for each way in which the template's conditions can turn out."""
    waiting = [deployment]
    while waiting:
        one = waiting.pop()
        reading = found.read(one)
        if reading.unsettled is None or len(waiting) > MOST_DEPLOYMENTS:
            yield one, reading
        else:
            known = one.conditions
            waiting += [replace(one, conditions={**known, reading.unsettled: holds}) for holds in (False, True)]


def _told(deployment: Deployment, reading: Reading, account: str | None, region: str | None) -> str:
    parts = [f"where `{name}` {'holds' if holds else 'does not hold'}" for name, holds in deployment.conditions.items()]
    if ACCOUNT in reading.used and not account:
        parts.append(f"in account {deployment.account}")
    if REGION in reading.used and not region:
        parts.append(f"in {deployment.region}")
    return " and ".join(parts)


def _judge_reading(reading: Reading, perimeter: Perimeter) -> Judged:
    if reading.fault:
        return _undecided(reading, perimeter, reading.fault)
    policy = unknown.labelled(json.loads(reading.text)) if unknown.OPENING in reading.text else None
    if policy is not None and (missing := unknown.shapeless(policy)):
        return _undecided(reading, perimeter, f"the policy needs what is known only at deployment: {_list(missing)}")
    text = reading.text if policy is None else json.dumps(policy)
    try:
        parsed = document.parse(text)
    except MalformedPolicy as fault:
        return _malformed(reading, perimeter, fault)
    verdict = judge(text, reading.key, perimeter) if policy is None else _between(policy, reading, perimeter)
    statements = tuple(_place(reading, f"Statement[{index}]") for index in range(len(parsed.statements)))
    return Judged(verdict, None, statements)


def _between(policy: dict[str, object], reading: Reading, perimeter: Perimeter) -> Verdict:
    """The verdict on a policy with unknown values: see `unknown`."""
    least = judge(json.dumps(unknown.strictest(policy)), reading.key, perimeter)
    most = judge(json.dumps(unknown.widest(policy)), reading.key, perimeter)
    # What is true of both is true whatever the values turn out to be.
    advisories = tuple(advisory for advisory in least.advisories if advisory in most.advisories)
    for certain, outcome in ((least, Outcome.ESCAPES), (most, Outcome.ENCLOSED)):
        if certain.outcome is outcome:
            return replace(certain, advisories=advisories)
    why = f"it depends on what is known only at deployment: {_list(unknown.sources(policy))}"
    return replace(most, outcome=Outcome.UNDECIDED, escapes=(), advisories=advisories, reason=why)


def _list(sources: list[str]) -> str:
    return ", ".join(f"`{source}`" for source in sources)


def _malformed(reading: Reading, perimeter: Perimeter, fault: MalformedPolicy) -> Judged:
    place = _place(reading, fault.path)
    line, column = place or (fault.line, fault.column)
    reason = str(MalformedPolicy(fault.message, path=fault.path, line=line, column=column))
    return Judged(Verdict(Outcome.MALFORMED, perimeter.name, reading.key.usage, reason=reason), place)


def _undecided(reading: Reading, perimeter: Perimeter, reason: str) -> Judged:
    verdict = Verdict(Outcome.UNDECIDED, perimeter.name, reading.key.usage, reason=reason)
    return Judged(verdict, reading.places.get(""))


def _place(reading: Reading, path: str) -> Place | None:
    """Where the value at a path stands, or the nearest value around it."""
    while path not in reading.places and path:
        path = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]+)$", "", path) if re.search(r"[.\[]", path) else ""
    return reading.places.get(path)
