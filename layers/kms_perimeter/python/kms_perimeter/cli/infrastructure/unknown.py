"""Values that are not known before deployment, and what can be said of a policy in spite of them.

An unknown part of a string is its source between two marks. `strictest` makes of a policy with such parts the one that
lets the least through of all that it can become, `widest` the one that lets the most through: a request that escapes
the strictest escapes each of them, and where nothing escapes the widest nothing escapes any of them. Between the two
nothing is claimed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPENING, CLOSING = "\ue000", "\ue001"  # of the private use area: no policy has them
_MARKED = re.compile(f"{OPENING}([^{OPENING}{CLOSING}]*){CLOSING}")
_OF_ACCOUNT = re.compile(r"(arn:[a-z0-9-]+):(?:iam|sts)::([0-9]{12}):")
_TEXT_MEMBERS = ("Sid", "Id")
_ANYBODY = {"AWS": "*"}


def mark(source: str) -> str:
    """An unknown value; `source` says what it comes from."""
    return f"{OPENING}{source}{CLOSING}"


def is_unknown(value: object) -> bool:
    """Whether a value is a string with an unknown part."""
    return isinstance(value, str) and OPENING in value


def told(text: str) -> str:
    """The text with each unknown part shown as its source."""
    return _MARKED.sub(r"<\1>", text)


def sources(value: object) -> list[str]:
    """What the unknown parts in a value come from, each once, in order."""
    return list(dict.fromkeys(source for text in _texts(value) for source in _MARKED.findall(text)))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


def labelled(policy: Any) -> Any:  # noqa: ANN401 - JSON
    """The policy with names that may be unknown told by their source: they decide nothing."""
    named = _labelled(policy)
    if isinstance(named, dict) and "Statement" in named:
        statements = named["Statement"]
        each = [_labelled(s) for s in statements] if isinstance(statements, list) else _labelled(statements)
        return {**named, "Statement": each}
    return named


def _labelled(members: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(members, dict):
        return members
    named = {name: told(members[name]) for name in _TEXT_MEMBERS if isinstance(members.get(name), str)}
    principals = {
        name: {"AWS": members[name]} for name in ("Principal", "NotPrincipal") if is_unknown(members.get(name))
    }
    return {**members, **named, **principals}


def shapeless(policy: Any) -> list[str]:  # noqa: ANN401 - JSON
    """What the unknown values come from without which not even the shape of the policy is known."""
    if not isinstance(policy, dict):
        return sources(policy)
    statements = policy.get("Statement")
    each = statements if isinstance(statements, list) else [statements]
    parts: list[Any] = [policy.get("Version"), *(s for s in each if is_unknown(s))]
    for statement in (s for s in each if isinstance(s, dict)):
        conditions = statement.get("Condition")
        blocks = conditions.values() if isinstance(conditions, dict) else [conditions]
        parts += [statement.get("Effect"), *(block for block in blocks if is_unknown(block))]
    return sources([part for part in parts if is_unknown(part)])


def strictest(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy that lets the least through: its `Allow` statements narrowed, its `Deny` statements broadened."""
    return _each(policy, lambda s: _narrow(s) if s.get("Effect") == "Allow" else _broad(s))


def widest(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy that lets the most through: the other way round."""
    return _each(policy, lambda s: _broad(s) if s.get("Effect") == "Allow" else _narrow(s))


def _each(policy: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    statements = policy["Statement"]
    changed = [change(s) for s in statements] if isinstance(statements, list) else change(statements)
    return {**policy, "Statement": changed}


def _narrow(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement about the fewest requests that it can be about; a void one where that may be none."""
    narrowed = {}
    for name, value in statement.items():
        part = _narrow_part(name, value) if sources(value) else value
        if part is None:
            return _void(statement)
        narrowed[name] = part
    return narrowed


def _void(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement without effect: KMS accepts one that lacks its `Resource`, and ignores it."""
    kept = {name: value for name, value in statement.items() if name in ("Sid", "Effect")}
    return {**kept, "Principal": "*", "Action": "kms:*"}


def _narrow_part(name: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """The member with its unknown values left out, or None where that does not narrow it or leaves nothing."""
    if name.startswith("Not"):
        return None
    if name == "Principal":
        kinds = {kind: _known(values) for kind, values in value.items()}
        return {kind: values for kind, values in kinds.items() if values} or None
    if name == "Condition":
        return _narrow_conditions(value)
    return _known(value) or None


def _narrow_conditions(blocks: dict[str, Any]) -> dict[str, Any] | None:
    narrowed: dict[str, Any] = {}
    for operator, block in blocks.items():
        narrowed[operator] = {}
        for key, values in block.items():
            kept = _known(values) if sources(values) else values
            if sources(values) and (not kept or _is_negated(operator)):
                return None
            narrowed[operator][key] = kept
    return narrowed


def _broad(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement about the most requests that it can be about."""
    broadened: dict[str, Any] = {}
    for name, value in statement.items():
        if not sources(value):
            broadened[name] = value
        elif name in ("Principal", "NotPrincipal"):
            broadened |= _broad_principal(name, value)
        elif name == "Condition":
            broadened[name] = _broad_conditions(value)
        else:
            broadened |= _broad_element(name, value)
    return broadened


def _broad_principal(name: str, kinds: dict[str, Any]) -> dict[str, Any]:
    if name == "NotPrincipal":
        kept = {kind: values for kind, v in kinds.items() if (values := _known(v))}
        return {name: kept} if kept else {"Principal": _ANYBODY}
    if any(sources(values) for kind, values in kinds.items() if kind != "AWS"):
        return {"Principal": _ANYBODY}
    known = [_whole_account(one) if is_unknown(one) else one for one in _listed(kinds["AWS"])]
    return {"Principal": {**kinds, "AWS": known}}


def _whole_account(principal: str) -> str:
    """Everybody whom an ARN can name whose account is known, or else everybody."""
    found = _OF_ACCOUNT.match(principal)
    return f"{found[1]}:iam::{found[2]}:root" if found else "*"


def _broad_element(name: str, patterns: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    if name.startswith("Not"):
        kept = _known(patterns)
        return {name: kept} if kept else {name.removeprefix("Not"): "*"}
    return {name: [_MARKED.sub("*", one) if isinstance(one, str) else one for one in _listed(patterns)]}


def _broad_conditions(blocks: dict[str, Any]) -> dict[str, Any]:
    broadened: dict[str, Any] = {}
    for operator, block in blocks.items():
        kept = {}
        for key, values in block.items():
            known = _known(values) if _is_negated(operator) else []
            if not sources(values) or known:
                kept[key] = known if sources(values) else values
        broadened[operator] = kept
    return broadened


def _is_negated(operator: str) -> bool:
    return "not" in operator.lower().rsplit(":", 1)[-1]


def _listed(values: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return values if isinstance(values, list) else [values]


def _known(values: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return [one for one in _listed(values) if not sources(one)]
