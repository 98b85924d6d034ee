"""The perimeter file: which operations on which keys must come from which networks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


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
    fix_keys_with_service_grants: bool = False


@dataclass(frozen=True, slots=True)
class PolicyException:
    """A key that somebody answers for until a day; after it the key is judged like any other."""

    key: str
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True)
class PerimeterFile:
    """A whole perimeter file; the first perimeter that applies to a key counts."""

    perimeters: tuple[Perimeter, ...]
    exceptions: tuple[PolicyException, ...] = ()
