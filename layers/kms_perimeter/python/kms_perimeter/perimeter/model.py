"""What a perimeter file says, and which perimeter a key is under."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kms_perimeter.policy import wildcard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from kms_perimeter.policy.key import Key


class Mode(StrEnum):
    """What the service may do about a key that escapes."""

    ALERT = "alert"
    APPROVE = "approve"
    ENFORCE = "enforce"


class Strategy(StrEnum):
    """How a remediation makes the new policy."""

    GUARD = "guard"
    TEMPLATE = "template"
    RESTORE = "restore"


class ServiceTrust(StrEnum):
    """Whether what AWS services do counts as inside."""

    TRUSTED = "trusted"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """Which keys a perimeter is for: a key that has all of `tags`, one of `aliases` or is one of `keys`.

    Each non-empty part must match (AND between the parts); inside `aliases` and `keys` one match is enough.
    Patterns take ``*`` and ``?``.
    """

    tags: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def holds_for(self, key: Key) -> bool | None:
        """Whether the key is one of these, or None where what is known of the key does not tell."""
        parts = (
            not self.tags or _all_tags(self.tags, key.tags),
            not self.aliases or _any_match(self.aliases, key.aliases),
            not self.keys or _any_match(self.keys, None if key.arn is None else (key.arn,)),
        )
        if False in parts:
            return False
        return None if None in parts else True


@dataclass(frozen=True, slots=True)
class Rule:
    """Operations, and the networks they must come from: an approved value of any of the four kinds is enough.

    Attributes:
        name: a word for messages and Sids.
        operations: groups (``cryptographic``, ``administrative``, ``grants``, ``read``) or names with wildcards.
        vpc_endpoints: values of `aws:SourceVpce`.
        vpcs: values of `aws:SourceVpc`.
        vpce_accounts: values of `aws:VpceAccount`.
        vpce_org_ids: values of `aws:VpceOrgID`.
    """

    name: str
    operations: tuple[str, ...]
    vpc_endpoints: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()
    vpce_accounts: tuple[str, ...] = ()
    vpce_org_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """A key policy that somebody approves of, with placeholders for what differs from key to key.

    Attributes:
        name: what perimeters name it by.
        text: the policy as JSON text, its placeholders not yet filled in.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Perimeter:
    """One perimeter: its rules, its exemptions and what may be done to keep it."""

    name: str
    rules: tuple[Rule, ...]
    applies_to: AppliesTo | None = None
    aws_services: ServiceTrust = ServiceTrust.TRUSTED
    trusted_accounts: tuple[str, ...] = ()
    break_glass_principals: tuple[str, ...] = ()
    mode: Mode = Mode.ALERT
    strategy: Strategy = Strategy.GUARD
    template: Template | None = None
    fix_keys_with_service_grants: bool = False

    def holds_for(self, key: Key) -> bool | None:
        """Whether this perimeter is for the key, or None where what is known of the key does not tell."""
        return True if self.applies_to is None else self.applies_to.holds_for(key)


@dataclass(frozen=True, slots=True)
class PolicyException:
    """A key that somebody answers for until a day; after it the key is judged like any other."""

    key: str
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True)
class PerimeterFile:
    """A whole perimeter file; the first perimeter that applies to a key counts.

    Attributes:
        perimeters: in the order of the file.
        exceptions: keys that somebody answers for until a day.
        alert_only_tags: tags of keys that infrastructure code manages; such a key is told about and never changed,
            since the code would put its own policy back. Values take ``*`` and ``?``.
        templates: policies for the strategy `template` that perimeters name, besides those that we bring.
    """

    perimeters: tuple[Perimeter, ...]
    exceptions: tuple[PolicyException, ...] = ()
    alert_only_tags: tuple[tuple[str, str], ...] = ()
    templates: tuple[Template, ...] = ()

    def perimeter_for(self, key: Key) -> Perimeter | None:
        """The first perimeter that applies to the key, or None.

        A perimeter that asks for tags or aliases that are not known (None) does not apply; whoever can read them
        must do so first where `needs_tags` or `needs_aliases` says so.
        """
        return next((perimeter for perimeter in self.perimeters if perimeter.holds_for(key)), None)

    def exception_for(
        self, key_arn: str, today: date, registered: PolicyException | None = None
    ) -> PolicyException | None:
        """The exception for this key that has not expired; it still holds on its last day.

        Args:
            key_arn: the key.
            today: the day, in UTC.
            registered: one that a person has registered apart from this file; of two that hold, the longer one counts.
        """
        written = next((e for e in self.exceptions if e.key == key_arn and today <= e.expires), None)
        holding = [e for e in (written, registered) if e and today <= e.expires]
        return max(holding, key=lambda e: e.expires, default=None)

    def alert_only(self, key: Key) -> tuple[str, str] | None:
        """The tag for which the key is told about and never changed, or None."""
        tags = key.tags or {}
        wanted = self.alert_only_tags
        return next(((n, tags[n]) for n, pattern in wanted if n in tags and wildcard.matches(pattern, tags[n])), None)

    @property
    def needs_tags(self) -> bool:
        """Whether a key's tags must be known to tell its perimeter, or what may be done about it."""
        return bool(self.alert_only_tags) or any(
            p.applies_to is not None and p.applies_to.tags for p in self.perimeters
        )

    @property
    def needs_aliases(self) -> bool:
        """Whether a key's aliases must be known to tell its perimeter."""
        return any(p.applies_to is not None and p.applies_to.aliases for p in self.perimeters)


def _all_tags(wanted: Iterable[tuple[str, str]], tags: Mapping[str, str] | None) -> bool | None:
    if tags is None:
        return None
    return all(name in tags and wildcard.matches(pattern, tags[name]) for name, pattern in wanted)


def _any_match(patterns: Iterable[str], values: Iterable[str] | None) -> bool | None:
    if values is None:
        return None
    return any(wildcard.matches(pattern, value) for pattern in patterns for value in values)
