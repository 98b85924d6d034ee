"""The question of `judge`, put to z3: is there an outside request that gets through, by the policy or by a grant?

Strings with regular expressions for the condition keys, an integer for the operation and one for the origin. It takes
what policies from real life use and refuses the rest by name (`Unsupported`), so no answer of it is a guess.
`tests/oracles/z3_encoding.py` asks about generated policies of a smaller language, and shares nothing with this.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import z3  # type: ignore[import-untyped]

from kms_perimeter.policy import callers, context_keys, document, operations, operators, ties, wildcard
from kms_perimeter.policy.context_keys import Kind
from kms_perimeter.policy.principal import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.questions import Question
    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import Condition, Element, KeyPolicy, Statement
    from kms_perimeter.policy.principal import Principal

    Term = Any  # z3 has no types

INTERNET, ENDPOINT, BEHALF = range(3)
MILLISECONDS = 1_000
DIRECTLY = ("key-policy", "iam")
_SLOTS = 3
_VIA = frozenset({"kms:viaservice", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast"})
_FOR_SERVICES = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths",
                           "aws:principalservicename", "aws:principalservicenameslist"})  # fmt: skip
_COMPARED = frozenset({"String", "StringIgnoreCase", "StringLike", "Arn", "Bool"})
_BEYOND = frozenset({"aws:username", "aws:userid", "aws:principaltype"})


class Unsupported(Exception):
    """The policy has something that this encoding does not cover."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One value that a condition key may have."""

    present: Term
    value: Term


def outcome(question: Question) -> str:
    """What z3 says: ``enclosed``, ``escapes``, or ``unknown`` where it gives up.

    Raises:
        MalformedPolicy: as `document.parse`.
        Unsupported: the policy has something that is not covered here.
    """
    solver, _, routes = _solver(_Policy(document.parse(question.text), question))
    solver.add(z3.Or(*routes.values()))
    return {"sat": "escapes", "unsat": "enclosed"}.get(str(solver.check()), "unknown")


def escaping(question: Question) -> frozenset[tuple[str, str]] | None:
    """The operations and routes that z3 has an escape for, or None where it gives up.

    The policy is encoded once, and z3 is asked about each operation by each route in turn; as `judge` does, it tells
    of a grant only for an operation that nobody can do directly.

    Raises:
        MalformedPolicy: as `document.parse`.
        Unsupported: the policy has something that is not covered here.
    """
    asked = _Policy(document.parse(question.text), question)
    solver, use, routes = _solver(asked)
    found: set[tuple[str, str]] = set()
    try:
        for place, op in enumerate(asked.operations):
            of = use.operation == place
            ways = [way for way in DIRECTLY if _is_possible(solver, of, routes[way])]
            if not ways and _is_possible(solver, of, routes["grant"]):
                ways = ["grant"]
            found.update((op.name, way) for way in ways)
    except _GaveUp:
        return None
    return frozenset(found)


class _GaveUp(Exception):
    """z3 does not know."""


def _is_possible(solver: Any, *asked: Term) -> bool:  # noqa: ANN401  (z3 has no types)
    said = str(solver.check(*asked))
    if said == "unknown":
        raise _GaveUp
    return said == "sat"


def _solver(asked: _Policy) -> tuple[Any, _Request, dict[str, Term]]:
    """A solver for requests from outside that no `Deny` stops, that request, and what lets it through by each route."""
    solver = z3.Solver()
    solver.set("timeout", MILLISECONDS)
    use, gift = _Request("use", asked), _Request("gift", asked)
    solver.add(use.possible(), use.outside(), z3.Not(use.denied))
    given = z3.And(use.origin != BEHALF, use.grantable(), gift.possible(), gift.outside(), gift.gives(use))
    let = z3.And(given, z3.Or(*gift.allowed.values()), z3.Not(gift.denied))
    return solver, use, {**use.allowed, "grant": let}


class _Policy:
    """The policy, and what can be settled before a request is known."""

    def __init__(self, policy: KeyPolicy, question: Question) -> None:
        if policy.has_variables and "${" in question.text:
            raise Unsupported("policy variables")
        self.key, self.perimeter = question.key, question.perimeter
        self.statements = [s for s in policy.statements if not s.void and self._is_about_key(s)]
        for named in (p for s in self.statements for p in s.principal.principals):
            if named.form is Form.UNKNOWN:
                raise Unsupported(f"the principal {named.value}")
        self.sessions = self._sessions()
        names = dict.fromkeys(c.key for s in self.statements for c in s.conditions)
        if len({ties.family(name, names) for name in names}) < len(names):
            raise Unsupported("condition keys that AWS ties to each other")
        covered = operations.expand(p for rule in self.perimeter.rules for p in rule.operations)
        self.operations = [op for op in operations.possible_on(self.key) if op.name in covered]
        self.every = [*self.operations, operations.OPERATIONS["kms:CreateGrant"]]

    def _is_about_key(self, statement: Statement) -> bool:
        element = statement.resource
        assert element is not None  # noqa: S101  (INVARIANT: no void statements come here)
        return any(p == "*" or wildcard.matches(p, str(self.key.arn)) for p in element.patterns) is not element.negated

    def _sessions(self) -> list[Caller]:
        named = [p for s in self.statements for p in s.principal.principals]
        texts = dict.fromkeys(p.value for p in named if p.form in (Form.SESSION, Form.FEDERATED_USER))
        return [c for c in map(callers.from_arn, texts) if c]

    def places(self, element: Element | None) -> list[int]:
        """The operations that an `Action` stands for."""
        assert element is not None  # noqa: S101
        return [
            i
            for i, op in enumerate(self.every)
            if any(wildcard.matches(p.lower(), op.name.lower()) for p in element.patterns) is not element.negated
        ]


class _Request:
    """An unknown request: the one that uses the key, or the one that creates a grant."""

    def __init__(self, label: str, asked: _Policy) -> None:
        self.label, self.asked, self.key = label, asked, asked.key
        self.operation, self.origin = z3.Int(f"{label} operation"), z3.Int(f"{label} origin")
        self.account, self.rest = z3.String(f"{label} account"), z3.String(f"{label} kind and name")
        self.session = z3.Int(f"{label} session")
        self.arn = z3.Concat("arn:", self.key.partition, ":iam::", self.account, ":", self.rest)
        self.slots: dict[str, list[Slot]] = {}
        self.denied = self._applying(self._names, allows=False)
        self.allowed = {
            "key-policy": self._applying(self._names_directly, allows=True),
            "iam": self._applying(self._names_account, allows=True),
        }

    def possible(self) -> Term:
        """Whether AWS could ever see it."""
        first = len(self.asked.operations)
        of = self.operation == first if self.label == "gift" else z3.And(self.operation >= 0, self.operation < first)
        sessions = self.asked.sessions
        return z3.And(
            of,
            z3.And(self.origin >= INTERNET, self.origin <= BEHALF),
            z3.And(self.session >= 0, self.session <= len(sessions)),
            z3.InRe(self.account, _digits(12)),
            z3.InRe(self.rest, _NAMES),
            *(z3.Implies(self.session == i, self.arn == c.arn) for i, c in enumerate(sessions, 1)),
            *(rule for name, slots in self.slots.items() for rule in self._rules(name, slots)),
        )

    def outside(self) -> Term:
        """Whether it comes from outside the perimeter."""
        rules = self.asked.perimeter.rules
        approved = {
            "aws:sourcevpce": [v for r in rules for v in r.vpc_endpoints],
            "aws:sourcevpc": [v for r in rules for v in r.vpcs],
        }
        inside = [
            z3.And(s.present, s.value == v)
            for name, values in approved.items()
            for s in self.slots.get(name, ())
            for v in values
        ]
        return z3.Not(z3.Or(*inside, z3.And(self.origin == BEHALF, self.account == self.key.account)))

    def grantable(self) -> Term:
        """Whether a grant can give the operation."""
        return z3.Or([self.operation == i for i, op in enumerate(self.asked.every) if op.grantable])

    def gives(self, use: _Request) -> Term:
        """Whether this `kms:CreateGrant` gives the caller of `use` its operation."""
        listed = [
            z3.Implies(use.operation == i, z3.Or([z3.And(s.present, s.value == op.name[4:]) for s in slots]))
            for slots in [self.slots.get("kms:grantoperations")]
            if slots
            for i, op in enumerate(self.asked.operations)
        ]
        grantee = [s.value == use.arn for s in self.slots.get("kms:granteeprincipal", ())]
        return z3.And(*listed, *grantee)

    def _applying(self, names: Callable[[Statement], Term], *, allows: bool) -> Term:
        about = [s for s in self.asked.statements if s.allows is allows]
        return z3.Or([z3.And(self._performs(s), names(s), *map(self._holds, s.conditions)) for s in about])

    def _performs(self, statement: Statement) -> Term:
        return z3.Or([self.operation == i for i in self.asked.places(statement.action)])

    def _names(self, statement: Statement) -> Term:
        named = z3.Or([self._is(p) for p in statement.principal.principals])
        return z3.Not(named) if statement.principal.negated else named

    def _names_account(self, statement: Statement) -> Term:
        """Whether the statement names just the caller's account, and so leaves it to IAM policies."""
        element = statement.principal
        accounts = [p for p in element.principals if p.form is Form.ACCOUNT and not element.negated]
        return z3.And(z3.Or([self._is(p) for p in accounts]), z3.Not(self._names_directly(statement)))

    def _names_directly(self, statement: Statement) -> Term:
        if statement.principal.negated:
            return self._names(statement)
        return z3.Or([self._is(p) for p in statement.principal.principals if p.form is not Form.ACCOUNT])

    def _is(self, named: Principal) -> Term:
        if named.form is Form.ANYONE:
            return z3.BoolVal(val=True)
        if named.form is Form.ACCOUNT:
            return self.account == named.account
        if named.form in (Form.USER, Form.ROLE):
            known = enumerate(self.asked.sessions, 1)
            same = [self.session == i for i, c in known if (c.account, c.name) == (named.account, named.name)]
            return z3.Or(self.arn == named.value, *same)
        return z3.Or([self.session == i for i, c in enumerate(self.asked.sessions, 1) if c.text == named.value])

    def _slots(self, name: str) -> list[Slot]:
        known = context_keys.find(name)
        if known is None or name in _BEYOND:
            raise Unsupported(f"the condition key {name}")
        many = _SLOTS if known.multivalued else 1
        return self.slots.setdefault(
            name,
            [Slot(z3.Bool(f"{self.label} {name} {i}?"), z3.String(f"{self.label} {name} {i}")) for i in range(many)],
        )

    def _rules(self, name: str, slots: list[Slot]) -> list[Term]:
        """Which requests carry the key, and what it can say."""
        known = context_keys.find(name)
        assert known is not None  # noqa: S101  (INVARIANT: `_slots` refuses others)
        has = [i for i, op in enumerate(self.asked.every) if context_keys.exists_for(name, op.name, self.key)]
        performs = z3.Or([self.operation == i for i in has])
        rules = [z3.Implies(s.present, performs) for s in slots] + [_looks(known, s.value) for s in slots]
        rules += [z3.Implies(later.present, former.present) for former, later in pairwise(slots)]
        present, value = slots[0].present, slots[0].value
        if (fixed := self._fixed(name)) is not None:
            return [*rules, z3.Implies(performs, present), value == fixed]
        carried = self._carried(name, present, value) + ([] if known.optional else [present])
        return rules + [z3.Implies(performs, rule) for rule in carried]

    def _carried(self, name: str, present: Term, value: Term) -> list[Term]:
        """What the request's origin says of the key."""
        if name in ("aws:sourcevpce", "aws:sourcevpc", "aws:vpcsourceip", "aws:sourcevpcarn", "aws:vpceaccount"):
            return [present == (self.origin == ENDPOINT)]
        if name in context_keys.NETWORK:
            return [z3.Implies(present, self.origin == ENDPOINT)]
        if name == "aws:sourceip":
            return [z3.Implies(self.origin == INTERNET, present), z3.Implies(present, self.origin != ENDPOINT)]
        if name in _VIA:
            return [z3.Implies(present, self.origin == BEHALF)]
        if name in _FOR_SERVICES:
            return [z3.Not(present)]
        served = name == "kms:grantisforawsresource"
        return [z3.Implies(z3.And(present, value == "true"), self.origin == BEHALF)] if served else []

    def _fixed(self, name: str) -> Term:
        """What the key says whatever the caller wants, or None."""
        return {
            "aws:viaawsservice": z3.If(self.origin == BEHALF, z3.StringVal("true"), z3.StringVal("false")),
            "aws:principalisawsservice": z3.StringVal("false"),
            "aws:securetransport": z3.StringVal("true"),
            "aws:principalarn": self.arn,
            "aws:principalaccount": self.account,
            "kms:calleraccount": self.account,
            "aws:resourceaccount": z3.StringVal(self.key.account),
            "aws:requestedregion": z3.StringVal(self.key.region),
            "kms:keyspec": z3.StringVal(self.key.spec),
            "kms:keyusage": z3.StringVal(self.key.usage),
        }.get(name)

    def _holds(self, condition: Condition) -> Term:
        test = operators.read(condition.operator)
        slots = self._slots(condition.key)
        present = slots[0].present
        if not test.exact or not condition.values:
            raise Unsupported(f"the operator {condition.operator}")
        if test.operator is None:
            return z3.Or([z3.Not(present) if v.lower() == "true" else present for v in condition.values])
        if test.operator.family not in _COMPARED:
            raise Unsupported(f"the operator {condition.operator}")
        if len(slots) > 1 and not test.quantifier:
            raise Unsupported(f"{condition.operator} on a key of several values")
        met = [_compare(test.operator, s.value, condition.values) for s in slots]
        if test.quantifier == "any":
            return z3.Or([z3.And(s.present, m) for s, m in zip(slots, met, strict=True)])
        if test.quantifier == "all":
            return z3.And([z3.Implies(s.present, m) for s, m in zip(slots, met, strict=True)])
        return z3.If(present, met[0], z3.BoolVal(test.if_exists or test.operator.negated))


def _compare(operator: operators.Operator, value: Term, wanted: Iterable[str]) -> Term:
    equal = z3.Or([_equal(operator.family, value, text) for text in wanted])
    return z3.Not(equal) if operator.negated else equal


def _equal(family: str, value: Term, wanted: str) -> Term:
    if family == "Bool":
        return (value == "true") if wanted.lower() == "true" else value != "true"
    if family == "StringIgnoreCase":
        return z3.InRe(value, _joined([z3.Union(z3.Re(c.lower()), z3.Re(c.upper())) for c in wanted]))
    if family == "String":
        return value == wanted
    if family == "Arn" and wanted.count(":") < 5:  # noqa: PLR2004  (an ARN has six fields)
        return z3.BoolVal(val=False)
    return z3.InRe(value, _pattern(wanted, fields=family == "Arn"))


def _pattern(text: str, *, fields: bool) -> Term:
    """The strings that a pattern matches; in an ARN, a wildcard stays in its field but for the last."""
    parts, colons = [], 0
    for letter in text:
        one = _NO_COLON if fields and colons < 5 else _ANY  # noqa: PLR2004
        parts.append(z3.Star(one) if letter == "*" else one if letter == "?" else z3.Re(letter))
        colons += letter == ":"
    return _joined(parts)


def _joined(parts: list[Term]) -> Term:
    return reduce(z3.Concat, parts) if parts else z3.Re("")


def _digits(count: int) -> Term:
    return z3.Loop(z3.Range("0", "9"), count, count)


def _looks(known: context_keys.ContextKey, value: Term) -> Term:
    """What a value of the key looks like."""
    if known.kind is Kind.BOOL:
        return z3.Or(value == "true", value == "false")
    if known.choices:
        return z3.Or([value == choice for choice in known.choices])
    if known.kind in (Kind.NUMBER, Kind.DATE, Kind.IP):
        raise Unsupported(f"values of {known.name}")
    return z3.InRe(value, _KINDS[known.kind]) if known.kind in _KINDS else z3.BoolVal(val=True)


_ANY = z3.AllChar(z3.ReSort(z3.StringSort()))
_NO_COLON = z3.Diff(_ANY, z3.Re(":"))
_HEX = z3.Union(z3.Range("0", "9"), z3.Range("a", "f"))
_ID = z3.Union(z3.Loop(_HEX, 8, 8), z3.Loop(_HEX, 17, 17))
_LOWER = z3.Union(z3.Range("0", "9"), z3.Range("a", "z"))
_NAME = z3.Union(z3.Range("a", "z"), z3.Range("A", "Z"), z3.Range("0", "9"), *(z3.Re(c) for c in "+=,.@_/-"))
_NAMES = z3.Concat(z3.Union(z3.Re("role/"), z3.Re("user/")), z3.Plus(_NAME))
_KINDS = {
    Kind.VPCE: z3.Concat(z3.Re("vpce-"), _ID),
    Kind.VPC: z3.Concat(z3.Re("vpc-"), _ID),
    Kind.ACCOUNT: _digits(12),
    Kind.ORGANISATION: z3.Concat(z3.Re("o-"), z3.Loop(_LOWER, 10, 32)),
}
