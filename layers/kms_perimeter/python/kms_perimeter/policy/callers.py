"""Who could ask: concrete callers, at least one for each kind that a policy can tell apart."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from kms_perimeter.policy import operators, principal, shapes, truth
from kms_perimeter.policy.budget import Budget
from kms_perimeter.policy.classes import split
from kms_perimeter.policy.context_keys import Kind
from kms_perimeter.policy.domains import DOMAINS, MANY, Domain
from kms_perimeter.policy.principal import Form
from kms_perimeter.policy.record import record
from kms_perimeter.policy.shapes import Glob

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kms_perimeter.policy.boundary import Boundary
    from kms_perimeter.policy.document import Condition, Statement
    from kms_perimeter.policy.shapes import Shape

ACCOUNT_KEYS = ("aws:principalaccount", "kms:calleraccount")
ARN_KEYS = ("aws:principalarn", "kms:granteeprincipal")
TELLING_KEYS = frozenset({*ARN_KEYS, *ACCOUNT_KEYS, "aws:username"})
"""The condition keys by which a policy can tell one caller from another."""
_USER_KEYS = frozenset({"aws:username", "aws:principaltype", "aws:userid"})
_EBS_ROLE = "role/aws:ec2-infrastructure"
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+=,.@_/-")
_ARN_FIELDS = 6


@record
class Caller:
    """Somebody who could send a request.

    Attributes:
        text: the ARN of the principal, or the name of a service principal.
        form: what kind of principal it is.
        account: its account; empty for a service.
        arn: what `aws:PrincipalArn` says: for a session, the ARN of its role.
        name: the name of the role or user.
    """

    text: str
    form: Form
    account: str
    arn: str
    name: str

    def __hash__(self) -> int:
        """By the text, which no two callers have in common."""
        return hash(self.text)

    @property
    def is_service(self) -> bool:
        """Whether it is an AWS service acting for itself."""
        return self.form is Form.SERVICE

    @property
    def is_ebs_role(self) -> bool:
        """Whether it is the role that Amazon EBS works with in every account; nobody else can have its name."""
        return self.arn.endswith(f":{_EBS_ROLE}")


@lru_cache(maxsize=1024)
def from_arn(text: str) -> Caller | None:
    """The caller of this ARN, or None where it is none that can call."""
    read = principal.from_arn(text)
    if read.account is None:
        return None
    arn = text
    if read.form is Form.SESSION:
        partition = text.split(":")[1]
        arn = f"arn:{partition}:iam::{read.account}:role/{read.name}"
    return Caller(text, read.form, read.account, arn, read.name)


def service(name: str) -> Caller:
    """A service principal."""
    return Caller(name, Form.SERVICE, "", "", "")


class Callers:
    """Builds the list of callers for a policy.

    Attributes:
        exact: whether the list has every kind of caller that the conditions can tell apart.
    """

    def __init__(
        self, statements: Sequence[Statement], owner: str, partition: str, boundary: Boundary, budget: Budget
    ) -> None:
        self.statements = statements
        self.owner = owner
        self.partition = partition
        self.boundary = boundary
        self.budget = budget
        self.exact = True
        self.conditions = [c for s in statements for c in s.conditions]
        self.shapes = _shapes(self.conditions, ARN_KEYS) + [
            shapes.arn([(pattern, True)]) for pattern in boundary.break_glass
        ]
        self.tells_users_apart = any(c.key in _USER_KEYS for c in self.conditions)

    def all(self) -> list[Caller]:
        """Every caller worth trying: the owner's first, strangers last, services at the end."""
        accounts = self._accounts()
        self.budget.spend(len(accounts) * (1 + len(self.shapes)))
        named = [p for s in self.statements for p in s.principal.principals]
        arns = [p.value for p in named if p.account and p.form is not Form.ACCOUNT]
        arns += [v for c in self.conditions if c.key in ARN_KEYS for v in c.values]
        explicit = [c for c in map(from_arn, arns) if c and c.form is not Form.ACCOUNT]
        by_account: dict[str, list[Caller]] = {}
        for caller in explicit:
            by_account.setdefault(caller.account, []).append(caller)
        found = [c for account in accounts for c in self._of_account(account, by_account.get(account, []))]
        services = self._services(p.value for p in named if p.form is Form.SERVICE)
        return list(dict.fromkeys([*found, *explicit, *services]))

    def _accounts(self) -> list[str]:
        named = [p.account for s in self.statements for p in s.principal.principals if p.account]
        named += sorted(self.boundary.trusted_accounts)
        known = tuple(dict.fromkeys([self.owner, *named]))
        asked = _shapes(self.conditions, ACCOUNT_KEYS) + self._account_fields()
        if not asked:
            self.budget.spend(len(known))
            return [*known, *_strangers(known)]
        found = split(DOMAINS[Kind.ACCOUNT], [*map(shapes.Word, known), *asked], self.budget)
        self.exact = self.exact and found.exact
        return list(dict.fromkeys([*known, *found.values]))

    def _account_fields(self) -> list[Shape]:
        """What conditions on an ARN say of its account."""
        made: list[Shape] = []
        patterns = [v for c in self.conditions if c.key in ARN_KEYS for v in c.values]
        for pattern in [*patterns, *self.boundary.break_glass]:
            fields = pattern.split(":", _ARN_FIELDS - 1)
            if len(fields) == _ARN_FIELDS:
                made.append(Glob([(fields[4], True)]))
            elif any(letter.isdigit() for letter in pattern):
                self.exact = False
        return made

    def _of_account(self, account: str, explicit: Sequence[Caller]) -> Iterable[Caller]:
        root = f"arn:{self.partition}:iam::{account}:"
        if not (self.shapes or explicit or self.tells_users_apart):
            yield from _anybody(root)
            return
        for kind in ("role", "user") if self.shapes or self.tells_users_apart else ("role",):
            prefix = f"{root}{kind}/"
            names = self._names(prefix) if kind == "user" else []
            domain, taken = _names_after(prefix), [shapes.Word(text) for text in sorted({c.text for c in explicit})]
            found = split(domain, [*self.shapes, *names, *taken], self.budget)
            self.exact = self.exact and found.exact
            yield from (c for arn in found.values if (c := from_arn(arn)))
        if self.shapes:
            yield from (c for c in (from_arn(f"{root}root"), self._ebs_role(root)) if c)

    def _names(self, prefix: str) -> list[Shape]:
        """What conditions on a user's name say of the user's ARN."""
        made: list[Shape] = []
        for condition in self.conditions:
            operator = operators.read(condition.operator).operator
            if condition.key == "aws:username" and operator:
                made += [operator.shape([(prefix, False), (value, True)]) for value in condition.values]
        # A name does not tell the path before it, which the other patterns on the ARN may look at.
        self.exact = self.exact and not (made and any(_reaches(shape, prefix) for shape in self.shapes))
        return made

    def _ebs_role(self, root: str) -> Caller | None:
        arn = root + _EBS_ROLE
        return from_arn(arn) if any(shape.accepts(arn) for shape in self.shapes) else None

    def _services(self, named: Iterable[str]) -> list[Caller]:
        if self.boundary.services_trusted:
            return []
        keys = ("aws:principalservicename", "aws:principalservicenameslist")
        mentioned = [v for c in self.conditions if c.key in keys for v in c.values if "*" not in v and "?" not in v]
        return [service(name) for name in dict.fromkeys([*named, *mentioned, "any-service.amazonaws.com"])]


@lru_cache(maxsize=256)
def _strangers(known: tuple[str, ...]) -> tuple[str, ...]:
    """An account that is none of these."""
    words = [shapes.Word(account) for account in known]
    values = split(DOMAINS[Kind.ACCOUNT], words, Budget(len(words))).values
    return tuple(account for account in values if account not in known)


@lru_cache(maxsize=256)
def _anybody(root: str) -> tuple[Caller, ...]:
    """Somebody of the account whose ARNs begin so."""
    caller = from_arn(_names_after(f"{root}role/").samples[0])
    return (caller,) if caller else ()


@lru_cache(maxsize=256)
def _names_after(prefix: str) -> Domain:
    """The ARNs that begin so."""
    return Domain(prefix, _NAME_LETTERS, (1, MANY), None, (f"{prefix}any", f"{prefix}other"))


def _reaches(shape: Shape, prefix: str) -> bool:
    """Whether a pattern can match, beside one literal, anything with this prefix."""
    if shape.literal is not None:
        return False
    state = 1
    for letter in prefix:
        state = shape.step(state, letter) if isinstance(shape, Glob) else state
    return bool(state)


def _shapes(conditions: Iterable[Condition], keys: Iterable[str]) -> list[Shape]:
    return [s for c in conditions if c.key in keys for s in truth.telling(c, has_variables=False)]
