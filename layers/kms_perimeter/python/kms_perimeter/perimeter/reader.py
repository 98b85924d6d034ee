"""A perimeter file from its text: every value is checked, and whatever is wrong is refused with its place."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from kms_perimeter import reading
from kms_perimeter.errors import MalformedPerimeter
from kms_perimeter.perimeter import templates
from kms_perimeter.perimeter.model import (
    AppliesTo,
    Mode,
    Perimeter,
    PerimeterFile,
    PolicyException,
    Rule,
    ServiceTrust,
    Strategy,
    Template,
)
from kms_perimeter.policy import jsontext, operations
from kms_perimeter.reading import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_ENDPOINT = re.compile(r"vpce-[0-9a-f]{8}([0-9a-f]{9})?")
_VPC = re.compile(r"vpc-[0-9a-f]{8}([0-9a-f]{9})?")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")
_KEY_PATTERN = re.compile(r"arn:[a-z*?-]+:kms:[a-z0-9*?-]+:[0-9*?]+:key/[A-Za-z0-9*?-]+")
_ALIAS_PATTERN = re.compile(r"alias/[A-Za-z0-9/_*?-]+")
# The value of `aws:PrincipalArn` for a role's session is the role, so a session's own ARN would exempt nobody. A name
# that is a wildcard from the start would exempt the whole account.
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[\w+=,.@-][\w+=,.@/*?-]*)", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_NETWORKS: dict[str, tuple[re.Pattern[str], str]] = {
    "vpc_endpoints": (_ENDPOINT, "the ID of a VPC endpoint (`vpce-` and 8 or 17 hexadecimal digits)"),
    "vpcs": (_VPC, "the ID of a VPC (`vpc-` and 8 or 17 hexadecimal digits)"),
    "vpce_accounts": (_ACCOUNT, "an account ID (12 digits, as a string)"),
    "vpce_org_ids": (_ORGANIZATION, "the ID of an organization (`o-` and 10 to 32 letters and digits)"),
}
_PERIMETER = (
    "name",
    "rules",
    "applies_to",
    "aws_services",
    "trusted_accounts",
    "break_glass_principals",
    "mode",
    "strategy",
    "template",
    "fix_keys_with_service_grants",
)
_A_NAME = "a name (up to 64 letters, digits, spaces, `.`, `_`, `-`)"
_AN_IAM_ARN = "the ARN of a role, user or root user in IAM (`*` and `?` only within the name)"


def load(text: str) -> PerimeterFile:
    """Read a perimeter file from JSON text.

    Raises:
        MalformedPerimeter: with line and column, and where it is JSON with a path such as
            ``perimeters[0].rules[1].operations[0]``.
    """
    document = reading.parse(text, MalformedPerimeter)
    try:
        return from_document(document)
    except MalformedPerimeter as error:
        place = jsontext.place_of(text, error.path) or jsontext.Place(1, 1)
        raise MalformedPerimeter(error.message, path=error.path, line=place.line, column=place.column) from None


def from_document(document: Any, lines: Mapping[str, tuple[int, int]] | None = None) -> PerimeterFile:  # noqa: ANN401 - JSON
    """Read a perimeter file from plain values, such as another syntax than JSON has been turned into.

    Args:
        document: what the text says: dicts, lists, strings, numbers, booleans.
        lines: line and column of each path, where they are known; errors then name them.

    Raises:
        MalformedPerimeter: with the path of what is wrong.
    """
    return _file(Place(document, MalformedPerimeter, lines=lines))


def simple(
    vpc_endpoints: Iterable[str],
    vpcs: Iterable[str],
    mode: Mode = Mode.ALERT,
    strategy: Strategy = Strategy.GUARD,
) -> PerimeterFile:
    """The perimeter file of a deployment that has none: use of every key, from these endpoints or VPCs.

    Raises:
        MalformedPerimeter: an ID is none, or there is no network at all.
    """
    rule = {
        "name": "use",
        "operations": ["cryptographic"],
        "vpc_endpoints": list(vpc_endpoints),
        "vpcs": list(vpcs),
    }
    perimeter = {"name": "default", "rules": [rule], "mode": str(mode), "strategy": str(strategy)}
    return from_document({"version": 1, "perimeters": [perimeter]})


def _file(place: Place) -> PerimeterFile:
    known = ("$schema", "version", "perimeters", "exceptions", "alert_only_tags", "templates")
    members = place.members(known, required=("version", "perimeters"))
    version = members["version"]
    if version.value != 1 or isinstance(version.value, bool):
        version.refuse("must be 1, the only version there is")
    perimeters = _filled(members["perimeters"], "perimeter")
    exceptions = members["exceptions"].items() if "exceptions" in members else []
    tags = members["alert_only_tags"].mapping() if "alert_only_tags" in members else {}
    given = members["templates"].mapping() if "templates" in members else {}
    known_templates = {name: _template(name, template) for name, template in given.items()}
    read = PerimeterFile(
        tuple(_perimeter(perimeter, known_templates) for perimeter in perimeters),
        tuple(map(_exception, exceptions)),
        tuple((name, _tag_value(value)) for name, value in tags.items()),
        tuple(known_templates.values()),
    )
    for name, template in given.items():
        templates.check_named(template, [p for p in read.perimeters if p.template and p.template.name == name])
    _refuse_repeated(perimeters, [perimeter.name for perimeter in read.perimeters], "name")
    _refuse_repeated(exceptions, [exception.key for exception in read.exceptions], "key")
    _refuse_unreachable(perimeters, read.perimeters)
    return read


def _template(name: str, place: Place) -> Template:
    if not _NAME.fullmatch(name):
        place.refuse(f"{reading.shown(name)} is not {_A_NAME}")
    return templates.read(name, place)


def _perimeter(place: Place, known_templates: Mapping[str, Template]) -> Perimeter:
    members = place.members(_PERIMETER, required=("name", "rules"))
    rules = _filled(members["rules"], "rule")
    read = tuple(map(_rule, rules))
    _refuse_repeated(rules, [rule.name for rule in read], "name")
    optional: dict[str, Callable[[Place], Any]] = {
        "applies_to": _applies_to,
        "aws_services": lambda p: p.choice(ServiceTrust),
        "trusted_accounts": lambda p: _list(p, _ACCOUNT, "an account ID (12 digits, as a string)"),
        "break_glass_principals": lambda p: _list(p, _PRINCIPAL, _AN_IAM_ARN),
        "mode": lambda p: p.choice(Mode),
        "strategy": lambda p: p.choice(Strategy),
        "fix_keys_with_service_grants": lambda p: p.flag(),
    }
    given = {name: read_it(members[name]) for name, read_it in optional.items() if name in members}
    if "template" in members:
        strategy = given.get("strategy", Strategy.GUARD)
        given["template"] = templates.choose(members["template"], known_templates, strategy)
    return Perimeter(members["name"].like(_NAME, _A_NAME), read, **given)


def _rule(place: Place) -> Rule:
    members = place.members(("name", "operations", *_NETWORKS), required=("name", "operations"))
    patterns = tuple(map(_operation, _filled(members["operations"], "operation")))
    networks = {kind: _list(members[kind], *how) for kind, how in _NETWORKS.items() if kind in members}
    if not any(networks.values()):
        # Nothing at all would be inside. Who wants that disables the key; here it is a forgotten or misspelt member.
        place.refuse(f"names no network: one of {', '.join(f'`{kind}`' for kind in _NETWORKS)} must hold one")
    return Rule(members["name"].like(_NAME, _A_NAME), patterns, **networks)


def _operation(place: Place) -> str:
    pattern = place.text()
    if not operations.expand([pattern]):
        _refuse_operation(place, pattern)
    return pattern


def _refuse_operation(place: Place, pattern: str) -> NoReturn:
    if pattern.lower() in operations.BY_LOWER_NAME:
        place.refuse(f"{reading.shown(pattern)} is not an operation on a key, so no key policy can restrict it")
    close = reading.suggestion(pattern, (*operations.GROUPS, *operations.OPERATIONS))
    close = close or reading.suggestion(f"kms:{pattern.capitalize()}", operations.OPERATIONS)
    place.refuse(f"{reading.shown(pattern)} is no group and matches no operation on a KMS key{close}")


def _applies_to(place: Place) -> AppliesTo:
    members = place.members(("tags", "aliases", "keys"))
    tags = members["tags"].mapping() if "tags" in members else {}
    read = AppliesTo(
        tuple((name, _tag_value(value)) for name, value in tags.items()),
        _list(members["aliases"], _ALIAS_PATTERN, "an alias pattern (`alias/…`)") if "aliases" in members else (),
        _list(members["keys"], _KEY_PATTERN, "a pattern for key ARNs (`arn:…:key/…`)") if "keys" in members else (),
    )
    if read == AppliesTo():
        place.refuse("names no key; leave `applies_to` out where the perimeter is for every key")
    return read


def _tag_value(place: Place) -> str:
    if place.value == "":  # AWS allows a tag without a value
        return ""
    return place.text()


def _exception(place: Place) -> PolicyException:
    names = ("key", "reason", "owner", "expires")
    members = place.members(names, required=names)
    key = members["key"].like(_KEY, "the ARN of a KMS key (`arn:…:key/…`; no alias, no wildcard)")
    return PolicyException(key, members["reason"].text(), members["owner"].text(), _day(members["expires"]))


def _day(place: Place) -> date:
    try:
        return date.fromisoformat(place.like(_DAY, "a day (such as `2027-01-31`)"))
    except ValueError:
        place.refuse(f"`{place.value}` is not a day of the calendar")


def _filled(place: Place, noun: str) -> list[Place]:
    return place.items() or place.refuse(f"must hold at least one {noun}")


def _list(place: Place, pattern: re.Pattern[str], description: str) -> tuple[str, ...]:
    items = place.items()
    read = tuple(item.like(pattern, description) for item in items)
    for i, item in enumerate(items):
        if read[i] in read[:i]:
            item.refuse(f"`{read[i]}` is listed twice")
    return read


def _refuse_repeated(places: list[Place], names: list[str], member: str) -> None:
    for i, place in enumerate(places):
        if names[i] in names[:i]:
            place.mapping()[member].refuse(f"`{names[i]}` is already the {member} of another")


def _refuse_unreachable(places: list[Place], perimeters: tuple[Perimeter, ...]) -> None:
    for_all = next((i for i, perimeter in enumerate(perimeters) if perimeter.applies_to is None), len(perimeters))
    if for_all + 1 < len(perimeters):
        places[for_all + 1].refuse(f"never applies: `{perimeters[for_all].name}`, before it, is for every key")
