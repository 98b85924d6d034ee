"""Where a request can come from, and which condition keys it then carries.

Sources: *AWS global condition context keys* and *Forward access sessions* in the IAM User Guide. The ties keep the
search from inventing requests that cannot be: none has both an `aws:SourceIp` and an `aws:SourceVpce`.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from operator import eq, is_not, ne
from typing import TYPE_CHECKING

from kms_perimeter.policy import context_keys, shapes
from kms_perimeter.policy.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.policy.boundary import Boundary, Networks
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.key import Key

    Value = str | tuple[str, ...] | None
    """A value of a condition key; None where the request does not carry it."""
    Test = Callable[[Value], bool]


class Origin(StrEnum):
    """The four ways to reach KMS."""

    __hash__ = str.__hash__  # not that of `Enum`, which is Python's own and slow

    INTERNET = "the internet"
    ENDPOINT = "a VPC endpoint"
    ON_BEHALF = "an AWS service acting for the caller"
    SERVICE = "an AWS service acting for itself"


DIRECT = (Origin.INTERNET, Origin.ENDPOINT)
_FOR_SERVICES = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"})
_VIA = frozenset({"kms:viaservice", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast"})
_OF_PRINCIPAL = frozenset({"aws:principalorgid", "aws:principalorgpaths", "aws:principalorgmasteraccountid",
                           "aws:principaltype", "aws:userid", "aws:username", "aws:multifactorauthpresent",
                           "aws:multifactorauthage", "aws:tokenissuetime", "aws:federatedprovider"})  # fmt: skip
OPEN_FOR_SERVICES = frozenset({"kms:viaservice", "kms:calleraccount", "aws:principalarn", "aws:principalaccount"})
"""What AWS does not document of a request that a service makes for itself."""
_SERVICE_NAMES = frozenset({"aws:principalservicename", "aws:principalservicenameslist"})


_ABSENT: Test = partial(eq, None)
_PRESENT: Test = partial(is_not, None)
_ANYTHING: Test = partial(is_not, object())


@record
class Situation:
    """A caller, the way it reaches KMS, the operation and the key.

    Attributes:
        key: what is known of the key; what is not known is free.
        outside: the networks that the request must not come from; None where it may come from anywhere.
        resource: the key's ARN in the request.
    """

    caller: Caller
    origin: Origin
    operation: str
    key: Key
    outside: Networks | None
    resource: str | None

    def is_open(self, name: str) -> bool:
        """Whether AWS does not document what the key says in this situation."""
        return self.caller.is_service and name in OPEN_FOR_SERVICES

    def test_of(self, name: str) -> Test:
        """What a value of the condition key must pass, None for its absence, for such a request to carry it."""
        if not context_keys.exists_for(name, self.operation, self.key):
            return _ABSENT
        if (fixed := self._fixed(name)) is not FREE:
            return partial(eq, fixed)
        if (algorithms := context_keys.algorithms(name, self.key.spec)) is not None:
            return algorithms.__contains__
        if name in context_keys.NETWORK:
            return partial(self._network, name)
        return self._carried(name)

    def _carried(self, name: str) -> Test:
        """By the way that the request takes: whether it may, must or must not carry the key."""
        direct, on_behalf, service = self.origin in DIRECT, self.origin is Origin.ON_BEHALF, self.caller.is_service
        if name == "aws:sourceip":
            return _ANYTHING if not direct else _PRESENT if self.origin is Origin.INTERNET else _ABSENT
        if name in _VIA:
            return _ANYTHING if on_behalf else _ABSENT
        if name in _FOR_SERVICES:
            return _ANYTHING if service else _ABSENT
        if name in _OF_PRINCIPAL or name.startswith("aws:principaltag/"):
            return _ABSENT if service else _ANYTHING
        if name == "kms:grantisforawsresource":
            return partial(ne, "true") if direct else _ANYTHING
        known = context_keys.find(name)
        return _ANYTHING if known is None or known.optional else _PRESENT

    def _fixed(self, name: str) -> object:
        """What the key must be in this situation, or `FREE`."""
        simple = {
            "aws:viaawsservice": "true" if self.origin is Origin.ON_BEHALF else "false",
            "aws:principalisawsservice": "true" if self.caller.is_service else "false",
            "aws:securetransport": "true",
        }
        if name in simple:
            return simple[name]
        if name in _SERVICE_NAMES:
            many = name.endswith("list")
            return ((self.caller.text,) if many else self.caller.text) if self.caller.is_service else None
        if not self.caller.is_service:
            if name == "aws:principalarn":
                return self.caller.arn
            if name in ("aws:principalaccount", "kms:calleraccount"):
                return self.caller.account
            if name == "aws:username":
                return self.caller.name if ":user/" in self.caller.arn else None
        return of_key(name, self.key)

    def _network(self, name: str, value: Value) -> bool:
        if self.origin is not Origin.ENDPOINT:
            return value is None
        if value is None:
            return name in ("aws:vpceorgid", "aws:vpceorgpaths")  # the owner of an endpoint need be in none
        if self.outside is None:
            return True
        if name == "aws:sourcevpcarn":
            return str(value).rpartition("/")[2] not in self.outside.vpcs
        if name == "aws:vpceorgpaths":
            return all(path.partition("/")[0] not in self.outside.vpce_org_ids for path in value)
        approved = {
            "aws:sourcevpce": self.outside.vpc_endpoints,
            "aws:sourcevpc": self.outside.vpcs,
            "aws:vpceaccount": self.outside.vpce_accounts,
            "aws:vpceorgid": self.outside.vpce_org_ids,
        }.get(name, frozenset())
        return value not in approved


FREE = object()
"""What says that nothing settles a condition key's value."""


def of_key(name: str, key: Key) -> object:
    """What the key itself makes of a condition key, None for not there; `FREE` where it settles nothing."""
    if name.startswith("aws:resourcetag/"):
        tags = None if key.tags is None else {k.lower(): v for k, v in key.tags.items()}
        return FREE if tags is None else tags.get(name.removeprefix("aws:resourcetag/"))
    if name == "kms:resourcealiases":
        return FREE if key.aliases is None else (key.aliases or None)
    multi_region = None if key.is_multi_region is None else str(key.is_multi_region).lower()
    facts = {
        "aws:resourceaccount": key.account,
        "aws:requestedregion": key.region,
        "kms:keyspec": key.spec,
        "kms:customermasterkeyspec": key.spec,
        "kms:keyusage": key.usage,
        "kms:customermasterkeyusage": key.usage,
        "kms:keyorigin": key.origin,
        "kms:multiregion": multi_region,
    }
    return facts.get(name) or FREE


def origins_of(caller: Caller) -> tuple[Origin, ...]:
    """The ways a caller can reach KMS, the plainest first."""
    return (Origin.SERVICE,) if caller.is_service else (*DIRECT, Origin.ON_BEHALF)


def is_exempt(caller: Caller, origin: Origin, owner: str, boundary: Boundary) -> bool:
    """Whether a request is inside by who sends it, whatever network it comes from."""
    if boundary.break_glass and _is_break_glass(caller, boundary):
        return True
    if not boundary.services_trusted or caller.is_service:
        return boundary.services_trusted
    if origin is not Origin.ON_BEHALF and not caller.is_ebs_role:
        return False
    return caller.account == owner or caller.account in boundary.trusted_accounts


def _is_break_glass(caller: Caller, boundary: Boundary) -> bool:
    return any(shapes.arn([(pattern, True)]).accepts(caller.arn) for pattern in boundary.break_glass)
