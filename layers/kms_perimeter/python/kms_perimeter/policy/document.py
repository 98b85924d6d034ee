"""The key policy document: from JSON text to statements, or the place where it is wrong.

Source: *Grammar of the IAM JSON policy language* in the IAM User Guide, and *Key policies in AWS KMS*, which differs:
a statement without `Resource` or `Action` is accepted and has no effect.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn

from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy import jsontext, principal
from kms_perimeter.policy.principal import Form, Principal
from kms_perimeter.policy.record import record
from kms_perimeter.policy.request import StatementRef

VARIABLES_VERSION = "2012-10-17"
_VERSIONS = (VARIABLES_VERSION, "2008-10-17")
_TOP = frozenset({"Version", "Id", "Statement"})
_MEMBERS = frozenset({"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
                      "Condition"})  # fmt: skip
_TEXT = frozenset({str})
_PRINCIPAL_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


@record
class Element:
    """`Action`, `Resource` or their `Not…` form: the patterns, and whether they are negated."""

    patterns: tuple[str, ...]
    negated: bool


@record
class PrincipalElement:
    """`Principal` or `NotPrincipal`."""

    principals: tuple[Principal, ...]
    negated: bool


@record
class Condition:
    """One operator on one condition key.

    Attributes:
        operator: as written, such as ``ForAnyValue:StringLikeIfExists``.
        key: the condition key in lower case: key names are not case-sensitive.
        spelling: the condition key as written.
        values: the values, each as text (``true`` for a JSON boolean).
    """

    operator: str
    key: str
    spelling: str
    values: tuple[str, ...]


@record
class Statement:
    """One statement; `action` or `resource` is None where the element is missing, and then it has no effect."""

    ref: StatementRef
    allows: bool
    principal: PrincipalElement
    action: Element | None
    resource: Element | None
    conditions: tuple[Condition, ...]

    @property
    def void(self) -> bool:
        """Whether the statement has no effect, as AWS KMS says of one without `Resource` or `Action`."""
        return self.action is None or self.resource is None


@record
class KeyPolicy:
    """A key policy: its statements in order, and whether its Version has policy variables."""

    statements: tuple[Statement, ...]
    has_variables: bool
    raw: dict[str, Any]

    def __hash__(self) -> int:
        """By what can be hashed, and says everything."""
        return hash((self.statements, self.has_variables))


class _Fault(Exception):
    """A fault and its path; the place in the text is looked up only once somebody is told."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(message)


class _Number(str):
    """A JSON number, kept as written: IAM compares text such as ``1.0`` and ``1`` differently by operator."""

    __slots__ = ()


def parse(text: str) -> KeyPolicy:
    """Read a key policy.

    Raises:
        MalformedPolicy: it is not JSON, or not a key policy; with line and column.
    """
    try:
        return _policy(_load(text))
    except _Fault as fault:
        place = jsontext.place_of(text, fault.path)
        line, column = place or (None, None)
        raise MalformedPolicy(fault.message, path=fault.path, line=line, column=column) from None


def positions(text: str) -> list[jsontext.Place]:
    """Where each statement of a policy text starts, in order."""
    known = jsontext.offsets(text)
    if "Statement[0]" not in known:
        return [jsontext.place_at(text, known["Statement"])] if "Statement" in known else []
    found: list[jsontext.Place] = []
    while (path := f"Statement[{len(found)}]") in known:
        found.append(jsontext.place_at(text, known[path]))
    return found


def account_of(policy: KeyPolicy) -> str | None:
    """The account that the policy's principals name, or None where they name none.

    Of several, the one that most statements name as a whole account, then the one named most often, then the first.
    """
    named = [p for s in policy.statements for p in s.principal.principals if p.account]
    whole = Counter(p.account for p in named if p.form is Form.ACCOUNT)
    often = Counter(p.account for p in named)
    return max(often, key=lambda account: (whole[account], often[account]), default=None)


def _load(text: str) -> Any:  # noqa: ANN401  (any JSON value)
    try:
        return _JSON.decode(text)
    except json.JSONDecodeError as error:
        _not_json(text, error)
    except RecursionError:
        raise MalformedPolicy("is nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise _Fault("", f"`{name}` is not JSON")


def _not_json(text: str, error: json.JSONDecodeError) -> NoReturn:
    before = text[: error.pos].rstrip() if text[error.pos : error.pos + 1] != "," else text[: error.pos + 1]
    if before.endswith(","):
        # Python's own message for this differs from version to version; the place that helps is the comma's.
        rest = text[len(before) :].lstrip()
        if rest[:1] in ("}", "]"):
            line, column = jsontext.place_at(text, len(before) - 1)
            raise MalformedPolicy("is not JSON: trailing comma", line=line, column=column) from None
    detail = error.msg[:1].lower() + error.msg[1:]
    raise MalformedPolicy(f"is not JSON: {detail}", line=error.lineno, column=error.colno) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        # Which of the two AWS would take is not documented, so neither is taken here.
        return {_DUPLICATE: twice, **members}
    return members


_DUPLICATE = "\0duplicate"
_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant)


def _object(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Fault(path, f"must be an object, not {_kind(value)}")
    if _DUPLICATE in value:
        twice = value[_DUPLICATE]
        raise _Fault(f"{path}.{twice}".lstrip("."), f"the key `{twice}` appears twice")
    return value


def _kind(value: object) -> str:
    if isinstance(value, _Number):
        return "a number"
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "something else")


def _known_members(value: dict[str, Any], known: frozenset[str], path: str) -> None:
    if known.issuperset(value):
        return
    for member in value:
        if member not in known:
            near = next((k for k in sorted(known) if k.lower() == member.lower()), None)
            hint = f"; did you mean `{near}`?" if near else ""
            raise _Fault(f"{path}.{member}".lstrip("."), f"unknown element `{member}`{hint}")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or isinstance(value, _Number):
        raise _Fault(path, f"must be a string, not {_kind(value)}")
    return value


def _texts(value: object, path: str) -> tuple[str, ...]:
    if isinstance(value, list):
        if _TEXT.issuperset(map(type, value)):  # as it should be, and nobody needs the path to what is wrong
            return tuple(value)
        return tuple(_text(item, f"{path}[{n}]") for n, item in enumerate(value))
    return (_text(value, path),)


def _policy(value: object) -> KeyPolicy:
    document = _object(value, "")
    _known_members(document, _TOP, "")
    version = document.get("Version")
    if "Version" in document and version not in _VERSIONS:
        raise _Fault("Version", f"must be `{_VERSIONS[0]}` or `{_VERSIONS[1]}`")
    if "Id" in document:
        _text(document["Id"], "Id")
    if "Statement" not in document:
        raise _Fault("", "has no `Statement`")
    statements = document["Statement"]
    if isinstance(statements, dict):
        return KeyPolicy((_statement(statements, 0, "Statement"),), version == VARIABLES_VERSION, document)
    if not isinstance(statements, list) or not statements:
        raise _Fault("Statement", "must be a statement or an array of statements")
    read = tuple(_statement(s, n, f"Statement[{n}]") for n, s in enumerate(statements))
    return KeyPolicy(read, version == VARIABLES_VERSION, document)


def _statement(value: object, index: int, path: str) -> Statement:
    members = _object(value, path)
    _known_members(members, _MEMBERS, path)
    sid = _text(members["Sid"], f"{path}.Sid") if "Sid" in members else None
    effect = members.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise _Fault(f"{path}.Effect" if "Effect" in members else path, "`Effect` must be `Allow` or `Deny`")
    return Statement(
        StatementRef(index, sid),
        effect == "Allow",
        _principal(members, path),
        _element(members, "Action", path),
        _element(members, "Resource", path),
        _conditions(members.get("Condition", {}), f"{path}.Condition"),
    )


def _one_of(members: dict[str, Any], name: str, path: str) -> str | None:
    """The element's name as it stands in the statement: with `Not` in front, or without, or not at all."""
    present = [n for n in (name, f"Not{name}") if n in members]
    if len(present) > 1:
        raise _Fault(path, f"has both `{name}` and `Not{name}`")
    return present[0] if present else None


def _element(members: dict[str, Any], name: str, path: str) -> Element | None:
    present = _one_of(members, name, path)
    if present is None:
        return None
    patterns = _texts(members[present], f"{path}.{present}")
    if not patterns and present != name:
        raise _Fault(f"{path}.{present}", "is empty")
    return Element(patterns, present != name) if patterns else None


def _principal(members: dict[str, Any], path: str) -> PrincipalElement:
    present = _one_of(members, "Principal", path)
    if present is None:
        raise _Fault(path, "has no `Principal`")
    place = f"{path}.{present}"
    value = members[present]
    if value == "*":
        return PrincipalElement((principal.parse("AWS", "*"),), present != "Principal")
    if isinstance(value, str) and not isinstance(value, _Number):
        raise _Fault(place, 'must be `"*"` or an object such as `{"AWS": "111122223333"}`')
    kinds = _object(value, place)
    _known_members(kinds, _PRINCIPAL_KINDS, place)
    found = tuple(principal.parse(k, v) for k, values in kinds.items() for v in _texts(values, f"{place}.{k}"))
    if not found:
        raise _Fault(place, "names no principal")
    return PrincipalElement(found, present != "Principal")


def _conditions(value: object, path: str) -> tuple[Condition, ...]:
    blocks = _object(value, path)
    return tuple(
        Condition(operator, key.lower(), key, _values(values, f"{path}.{operator}.{key}"))
        for operator, block in blocks.items()
        for key, values in _object(block, f"{path}.{operator}").items()
    )


def _values(value: object, path: str) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(_scalar(item, path) for item in items)


def _scalar(value: object, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    raise _Fault(path, f"must be a string, a number or a boolean, not {_kind(value)}")
