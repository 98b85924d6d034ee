"""The way of an escape through the policy: who, from where, through which `Allow`, past which `Deny`, to the key."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy import document, evaluator, principal
from kms_perimeter.policy.document import Element, PrincipalElement
from kms_perimeter.policy.key import DEFAULT_SPEC, DEFAULT_USAGE, Key
from kms_perimeter.policy.record import replace
from kms_perimeter.wording import account_of, named, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kms_perimeter.fleet import KeyFinding
    from kms_perimeter.policy.document import Condition, KeyPolicy, Statement
    from kms_perimeter.policy.request import Request
    from kms_perimeter.verdict import Escape

_ANYBODY = PrincipalElement((principal.parse("AWS", "*"),), negated=False)
_ANYTHING = Element(("*",), negated=False)
_SHOWN_VALUES = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way.

    Attributes:
        kind: ``who``, ``from``, ``allow``, ``grant``, ``deny`` or ``key``.
        label: what the step is, such as ``Past``.
        text: who, where or which statement.
        note: what more there is to say.
        statement: the statement as indented JSON; empty where the step is none.
    """

    kind: str
    label: str
    text: str
    note: str = ""
    statement: str = ""

    def to_json(self) -> dict[str, str]:
        """The step for the page."""
        told = {"kind": self.kind, "label": self.label, "text": self.text}
        more = {"note": self.note, "statement": self.statement}
        return told | {name: value for name, value in more.items() if value}


@dataclass(frozen=True, slots=True)
class Path:
    """One way from outside to the key, and every operation that it is open for.

    Attributes:
        sentence: the same for a person.
        route: `Route` of the escapes.
        rule: the perimeter's rule that they break.
        operations: what can be called.
        steps: the way.
        request: the counterexample, as `evaluate` reads it, without the key's ARN.
    """

    sentence: str
    route: str
    rule: str
    operations: tuple[str, ...]
    steps: tuple[Step, ...]
    request: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The path for the page."""
        return {
            "sentence": self.sentence,
            "route": self.route,
            "rule": self.rule,
            "operations": list(self.operations),
            "steps": [step.to_json() for step in self.steps],
            "request": self.request,
        }


def paths_of(finding: KeyFinding) -> tuple[Path, ...]:
    """The ways to a key from outside its perimeter; those that differ by nothing but the operation are one."""
    escapes = finding.verdict.escapes if finding.verdict else ()
    if not escapes or finding.policy is None:
        return ()
    policy, key = document.parse(finding.policy), _key(finding)
    alike: dict[tuple[object, ...], list[Escape]] = {}
    for escape in escapes:
        story = escape.why.replace(f"`{escape.operation}`", "")
        alike.setdefault((escape.route, escape.rule, story), []).append(escape)
    return tuple(_path(group, policy, key) for group in alike.values())


def _key(finding: KeyFinding) -> Key:
    return Key(
        account=finding.account,
        region=finding.region,
        key_id=finding.arn.rsplit("/", 1)[-1],
        usage=finding.key_usage or DEFAULT_USAGE,
        spec=finding.key_spec or DEFAULT_SPEC,
        tags=finding.tags,
        aliases=finding.aliases,
        partition=finding.arn.split(":")[1],
    )


def _path(group: list[Escape], policy: KeyPolicy, key: Key) -> Path:
    escape = group[0]
    operations = tuple(dict.fromkeys(one.operation for one in group))
    shown = {name: value for name, value in escape.request.to_json().items() if name != "resource"}
    steps = tuple(_steps(escape, operations, policy, key))
    return Path(sentence(escape.why), escape.route.value, escape.rule, operations, steps, shown)


def _steps(escape: Escape, operations: tuple[str, ...], policy: KeyPolicy, key: Key) -> Iterator[Step]:
    first = escape.grant or escape.request
    yield Step("who", "Who", first.principal, _whoever(first.principal))
    yield Step("from", "From", origin(first.context))
    index = escape.statement.index
    yield Step("allow", "Through", named(escape.statement), _how(escape), _printed(policy, index))
    if escape.grant:
        yield from _passed(policy, escape.grant, key)
        yield Step(
            "grant", "By a grant to", escape.request.principal, f"who calls from {origin(escape.request.context)}"
        )
    yield from _passed(policy, escape.request, key)
    more = f" and {len(operations) - 1} more" if len(operations) > 1 else ""
    yield Step("key", "To the key", f"{operations[0]}{more}")


def _whoever(caller: str) -> str:
    return "any role of the account would do" if re.fullmatch(r"arn:[^:]+:iam::\d+:role/any", caller) else ""


def _how(escape: Escape) -> str:
    return {
        "key-policy": "names the caller",
        "iam": f"leaves it to the IAM policies of account {account_of(escape.request.principal)}",
        "grant": "allows to create a grant, which no condition of an Allow binds",
    }[escape.route.value]


def origin(context: Mapping[str, str | tuple[str, ...]]) -> str:
    """Where a request comes from, for a person."""
    known = {name.lower(): value if isinstance(value, str) else ", ".join(value) for name, value in context.items()}
    if endpoint := known.get("aws:sourcevpce"):
        within = f" in {known['aws:sourcevpc']}" if "aws:sourcevpc" in known else ""
        return f"VPC endpoint {endpoint}{within}, which is not approved"
    if "aws:sourcevpc" in known:
        return f"VPC {known['aws:sourcevpc']}, which is not approved"
    if known.get("aws:principalisawsservice") == "true":
        return "an AWS service, acting for itself"
    if known.get("aws:viaawsservice") == "true" or "kms:viaservice" in known:
        return "an AWS service, acting for the caller"
    return f"the internet, for example {known['aws:sourceip']}" if "aws:sourceip" in known else "outside the perimeter"


def _passed(policy: KeyPolicy, request: Request, key: Key) -> Iterator[Step]:
    """Each `Deny` about the operation, and why it does not stop the request; or that there is none."""
    denies = [s for s in policy.statements if _is_about(s, policy, request, key)]
    for deny in denies:
        yield Step(
            "deny", "Past", named(deny.ref), _not_stopped(deny, policy, request, key), _printed(policy, deny.ref.index)
        )
    if not denies:
        yield Step("deny", "Past", "no Deny", f"none is about {request.action}")


def _is_about(statement: Statement, policy: KeyPolicy, request: Request, key: Key) -> bool:
    bare = replace(statement, principal=_ANYBODY, resource=_ANYTHING, conditions=())
    return not statement.allows and _stops(bare, policy, request, key)


def _not_stopped(deny: Statement, policy: KeyPolicy, request: Request, key: Key) -> str:
    if deny.void:
        return "has no Resource, and so no effect"
    if not _stops(replace(deny, resource=_ANYTHING, conditions=()), policy, request, key):
        return "is not about this caller"
    if not _stops(replace(deny, principal=_ANYBODY, conditions=()), policy, request, key):
        return "is not about this key"
    bare = replace(deny, principal=_ANYBODY, resource=_ANYTHING)
    false = (c for c in deny.conditions if not _stops(replace(bare, conditions=(c,)), policy, request, key))
    condition = next(false, None)
    return _false(condition, request) if condition else "does not bind this request"


def _stops(statement: Statement, policy: KeyPolicy, request: Request, key: Key) -> bool:
    alone = replace(policy, statements=(statement,))
    return evaluator.evaluate(alone, request, key).decision == evaluator.EXPLICIT_DENY


def _false(condition: Condition, request: Request) -> str:
    values = ", ".join(condition.values[:_SHOWN_VALUES]) + (", …" if len(condition.values) > _SHOWN_VALUES else "")
    context = {name.lower(): value for name, value in request.context.items()}
    value = context.get(condition.key)
    has = "nothing there" if value is None else value if isinstance(value, str) else ", ".join(value)
    return f"{condition.operator} {condition.spelling} {values} is false: the request has {has}"


def _printed(policy: KeyPolicy, index: int) -> str:
    statements = policy.raw["Statement"]
    return json.dumps(statements[index] if isinstance(statements, list) else statements, indent=2, ensure_ascii=False)
