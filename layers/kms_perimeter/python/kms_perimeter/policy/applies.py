"""Which statements can have a say about an operation, a key and a caller: everything but the conditions.

Three answers: no, perhaps (where AWS's behaviour is not settled) and yes.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from kms_perimeter.policy import context_keys
from kms_perimeter.policy.key import Key
from kms_perimeter.policy.operations import BY_LOWER_NAME, OPERATIONS
from kms_perimeter.policy.operations import mask as mask_of
from kms_perimeter.policy.principal import Form
from kms_perimeter.policy.record import replace
from kms_perimeter.policy.request import Route
from kms_perimeter.policy.shapes import Glob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import Element, KeyPolicy, PrincipalElement, Statement
    from kms_perimeter.policy.principal import Principal

PLACEHOLDER_KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
_ARN_FIELDS = 6
_EVERY_KEY = ("*",)
_STEPS_OF_A_PATTERN = 400  # measured: as long as so many steps of the search


class Sure(IntEnum):
    """Whether something holds."""

    __hash__ = int.__hash__  # not that of `Enum`, which is Python's own and slow

    NO = 0
    PERHAPS = 1
    YES = 2


@lru_cache(maxsize=4096)
def _operations(pattern: str) -> frozenset[str]:
    lower = pattern.lower()
    if not _is_wild(lower):
        return frozenset({BY_LOWER_NAME[lower].name}) if lower in BY_LOWER_NAME else frozenset()
    if not _is_wild(lower[:-1]) and lower[-1] == "*":
        return frozenset(op.name for name, op in BY_LOWER_NAME.items() if name.startswith(lower[:-1]))
    shape = Glob([(lower, True)])
    return frozenset(op.name for name, op in BY_LOWER_NAME.items() if shape.accepts(name))


def _is_wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def cost(element: Element) -> int:
    """The steps that it takes to find the operations of an element: many for a wildcard inside a pattern, else few."""
    return sum(map(_cost, element.patterns))


@lru_cache(maxsize=4096)
def _cost(pattern: str) -> int:
    return _STEPS_OF_A_PATTERN if _is_wild(pattern[:-1]) else 1


def operations(element: Element) -> frozenset[str]:
    """The operations that an `Action` or `NotAction` element stands for."""
    named: frozenset[str] = frozenset().union(*map(_operations, element.patterns))
    return frozenset(OPERATIONS) - named if element.negated else named


def mask(element: Element) -> int:
    """The same as a mask, see `operations.mask`."""
    bits = 0
    for pattern in element.patterns:
        bits |= _mask(pattern)
    return ~bits if element.negated else bits


@lru_cache(maxsize=4096)
def _mask(pattern: str) -> int:
    return mask_of(_operations(pattern))


def carrying(name: str, key: Key) -> int:
    """The operations whose requests on this key can carry the condition key of this name, as a mask."""
    return _carrying(name, key.spec)


@lru_cache(maxsize=1024)
def _carrying(name: str, spec: str) -> int:
    key = Key(spec=spec)
    return mask_of(frozenset(operation for operation in OPERATIONS if context_keys.exists_for(name, operation, key)))


def identified(policy: KeyPolicy, key: Key, owner: str) -> Key:
    """The key with every part of its ARN filled in: what is not known is taken from the ARNs that the policy names."""
    named = [fields for s in policy.statements if s.allows and s.resource for fields in _key_arns(s.resource, key)]
    region = next((f[3] for f in named if _is_plain(f[3])), "us-east-1")
    key_id = next((f[5][4:] for f in named if _is_plain(f[5]) and f[3] == (key.region or region)), PLACEHOLDER_KEY_ID)
    partition = next((f[1] for f in named if _is_plain(f[1])), key.partition)
    return replace(key, account=owner, region=key.region or region, key_id=key.key_id or key_id, partition=partition)


def _key_arns(resource: Element, key: Key) -> Iterator[list[str]]:
    """The fields of the patterns that could be this key's ARN."""
    for pattern in () if resource.negated else resource.patterns:
        fields = pattern.split(":", _ARN_FIELDS - 1)
        if len(fields) == _ARN_FIELDS and fields[2] == "kms" and fields[5].startswith("key/"):
            known = ((fields[3], key.region), (fields[4], key.account))
            if all(value is None or Glob([(field, True)]).accepts(value) for field, value in known):
                yield fields


def _is_plain(field: str) -> bool:
    return bool(field) and "*" not in field and "?" not in field and "$" not in field


def to_key(statement: Statement, key: Key, given: Key, *, has_variables: bool) -> Sure:
    """Whether the statement's `Resource` is this key.

    Args:
        statement: the statement; not void.
        key: the key, its ARN complete.
        given: the key as it was given: parts of the ARN may be unknown.
        has_variables: whether ``${…}`` is a variable in this policy.
    """
    assert statement.resource is not None  # noqa: S101  (INVARIANT: void statements are left out before)
    if statement.resource.patterns == _EVERY_KEY:  # as nearly always
        return Sure.NO if statement.resource.negated else Sure.YES
    if has_variables and any("${" in pattern for pattern in statement.resource.patterns):
        return Sure.YES  # whether it is this key depends on the request, so a block of the model says it
    found = max(_is_key(p, key, given) for p in statement.resource.patterns)
    if statement.resource.negated:
        return Sure(Sure.YES - found)
    if statement.allows and found is Sure.PERHAPS and _matches(statement.resource, key):
        # An `Allow` on a key's ARN is read as being about that key: what it lets through there is an escape.
        return Sure.YES
    return found


def _matches(element: Element, key: Key) -> bool:
    return key.arn is not None and any(Glob([(pattern, True)]).accepts(key.arn) for pattern in element.patterns)


def _is_key(pattern: str, key: Key, given: Key) -> Sure:
    if pattern == "*":
        return Sure.YES
    assert key.arn is not None  # noqa: S101  (INVARIANT: `identified` completes it)
    matches = Glob([(pattern, True)]).accepts(key.arn)
    if given.arn:
        return Sure.YES if matches else Sure.NO
    return _perhaps_key(pattern, given, matches=matches)


def _perhaps_key(pattern: str, given: Key, *, matches: bool) -> Sure:
    """Of a key whose ARN is known in part: by the fields that are known."""
    fields = pattern.split(":", _ARN_FIELDS - 1)
    if len(fields) < _ARN_FIELDS:
        return Sure.PERHAPS if matches else Sure.NO
    parts = zip(fields, ("arn", given.partition, "kms", given.region, given.account, None), strict=True)
    known = [value is None or Glob([(field, True)]).accepts(value) for field, value in parts]
    if not all(known) or not _could_be_key(fields[5]):
        return Sure.NO
    whole = given.region and given.account and fields[5] in ("*", "key/*")
    return Sure.YES if whole or (fields[3:5] == ["*", "*"] and fields[5] in ("*", "key/*")) else Sure.PERHAPS


def _could_be_key(field: str) -> bool:
    fixed = field.split("*", 1)[0].split("?", 1)[0]
    return fixed.startswith("key/") or "key/".startswith(fixed)


_SESSIONS = {Form.ROLE: Form.SESSION, Form.USER: Form.FEDERATED_USER}


class Named:
    """Whom a statement names, in sets: a policy can name thousands, and each is asked about each caller."""

    def __init__(self, element: PrincipalElement) -> None:
        self.negated = element.negated
        self.anyone = self.unknown = False
        self.accounts: set[str | None] = set()
        self.services: set[str] = set()
        self.arns: set[str] = set()
        self.with_sessions: set[tuple[Form, str | None, str]] = set()
        for principal in element.principals:
            self._add(principal)

    def _add(self, principal: Principal) -> None:
        form = principal.form
        if form is Form.ACCOUNT:
            self.accounts.add(principal.account)
        elif form is Form.ANYONE:
            self.anyone = True
        elif form is Form.SERVICE:
            self.services.add(principal.value)
        elif form is Form.UNKNOWN:
            self.unknown = True
        elif form is not Form.NOBODY:
            self.arns.add(principal.value)
            # A role is named for its sessions too, and a user for those of `GetFederationToken`.
            if session := _SESSIONS.get(form):
                self.with_sessions.add((session, principal.account, principal.name))

    def caller(self, caller: Caller) -> tuple[Sure, Route]:
        """Whether the statement is about the caller, and by what route an `Allow` would let it in."""
        if self.negated:
            return self._all_but(caller), Route.KEY_POLICY
        if self.anyone or self._directly(caller):
            return Sure.YES, Route.KEY_POLICY
        if caller.account in self.accounts:
            return Sure.YES, Route.IAM
        return (Sure.PERHAPS if self._perhaps(caller) else Sure.NO), Route.KEY_POLICY

    def _directly(self, caller: Caller) -> bool:
        if caller.is_service:
            return caller.text in self.services
        return caller.text in self.arns or (caller.form, caller.account, caller.name) in self.with_sessions

    def _perhaps(self, caller: Caller) -> bool:
        return self.unknown and not caller.is_service

    def _all_but(self, caller: Caller) -> Sure:
        """Of `NotPrincipal`: who is named is exempt, a role with its sessions.

        Whether an account's ARN exempts all of its principals is not documented.
        """
        if self.anyone or self._directly(caller):
            return Sure.NO
        return Sure.PERHAPS if caller.account in self.accounts or self._perhaps(caller) else Sure.YES
