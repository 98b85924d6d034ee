"""CloudFormation's intrinsic functions, as far as they can be told before deployment.

Source: *Intrinsic function reference* and *Pseudo parameters reference* in the CloudFormation Template Reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kms_perimeter.cli.infrastructure import unknown
from kms_perimeter.cli.infrastructure.found import ACCOUNT, REGION
from kms_perimeter.cloudtrail import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kms_perimeter.cli.infrastructure.found import Deployment

NO_VALUE = object()
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_PRINCIPALS = {"AWS::IAM::Role": ("role", "RoleName"), "AWS::IAM::User": ("user", "UserName")}
_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}
# What has no name is named after the stack, the logical ID and twelve letters: unlike any name written by hand.
_GENERATED = "stack-{}-ABCDEFGHIJKL"


class Resolver:
    """Resolves the values of one template for one deployment.

    Attributes:
        origins: the path in the template of each value of what was resolved last, by its path in that.
        used: which of `ACCOUNT` and `REGION` have been used.
        unsettled: a condition that was needed and that the deployment does not settle, or None.
    """

    def __init__(self, template: dict[str, Any], deployment: Deployment) -> None:
        self._template = template
        self._deployment = deployment
        self._open: set[str] = set()
        self.origins: dict[str, str] = {}
        self.used: set[str] = set()
        self.unsettled: str | None = None

    def resolve(self, value: Any, path: str) -> Any:  # noqa: ANN401 - JSON
        """The value at a path of the template with its functions resolved; `NO_VALUE` where it is left out."""
        self.origins = {}
        return self._value(value, path, "")

    def account(self) -> str:
        """The account that the template is deployed into."""
        self.used.add(ACCOUNT)
        return self._deployment.account

    def region(self) -> str:
        """The Region that the template is deployed into."""
        self.used.add(REGION)
        return self._deployment.region

    @property
    def partition(self) -> str:
        """The Region's partition."""
        return partition_of(self._deployment.region)

    def _value(self, value: Any, path: str, out: str) -> Any:  # noqa: ANN401 - JSON
        self.origins[out] = path
        if isinstance(value, list):
            return self._items(value, path, out)
        if not isinstance(value, dict):
            return value
        for name, argument in value.items():
            if name.startswith("Fn::") or (name == "Ref" and len(value) == 1):
                return self._function(name, argument, f"{path}.{name}", out)
        members = {
            name: self._value(part, f"{path}.{name}", f"{out}.{name}".lstrip(".")) for name, part in value.items()
        }
        return {name: part for name, part in members.items() if part is not NO_VALUE}

    def _items(self, values: list[Any], path: str, out: str) -> list[Any]:
        items: list[Any] = []
        for index, value in enumerate(values):
            item = self._value(value, f"{path}[{index}]", f"{out}[{len(items)}]")
            if item is not NO_VALUE:
                items.append(item)
        return items

    def _function(self, name: str, argument: Any, path: str, out: str) -> Any:  # noqa: ANN401 - JSON
        if name == "Fn::If":
            return self._if(argument, path, out)
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::GetAtt": self._attribute,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Select": self._select,
        }
        found = functions[name](argument) if name in functions else None
        return unknown.mark(_shown(name, argument)) if found is None else found

    def _if(self, argument: Any, path: str, out: str) -> Any:  # noqa: ANN401 - JSON
        match argument:
            case [str(condition), _, _]:
                if condition not in self._deployment.conditions:
                    self.unsettled = self.unsettled or condition
                index = 1 if self._deployment.conditions.get(condition, True) else 2
                return self._value(argument[index], f"{path}[{index}]", out)
        return unknown.mark(_shown("Fn::If", argument))

    def _plain(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """A value that stands inside a function, so that nothing in it has a place of its own."""
        return self._value(value, "", "\0")

    def _ref(self, name: Any) -> Any:  # noqa: ANN401 - JSON
        pseudo: dict[str, Callable[[], Any]] = {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": lambda: self.partition,
            "AWS::URLSuffix": lambda: _SUFFIXES.get(self.partition, "amazonaws.com"),
            "AWS::NoValue": lambda: NO_VALUE,
        }
        if not isinstance(name, str):
            return None
        if name in pseudo:
            return pseudo[name]()
        parameter = _member(self._template, "Parameters", name)
        return _default(parameter) if isinstance(parameter, dict) else self._name_of(name)

    def _sub(self, argument: Any) -> str | None:  # noqa: ANN401 - JSON
        match argument:
            case str(text):
                given: dict[str, Any] = {}
            case [str(text), dict(given)]:
                pass
            case _:
                return None
        return _VARIABLE.sub(lambda found: self._variable(found, given), text)

    def _variable(self, found: re.Match[str], given: dict[str, Any]) -> str:
        literal, name = found[1], found[2].strip()
        if literal:
            return f"${{{found[2]}}}"
        if name in given:
            value = self._plain(given[name])
        elif "." in name:
            value = self._attribute(name)
        else:
            value = self._ref(name)
        return value if isinstance(value, str) else unknown.mark(name)

    def _join(self, argument: Any) -> str | None:  # noqa: ANN401 - JSON
        match argument:
            case [str(separator), parts]:
                joined = self._plain(parts)
                texts = joined if isinstance(joined, list) else [joined]
                return separator.join(texts) if all(isinstance(text, str) for text in texts) else None
        return None

    def _select(self, argument: Any) -> Any:  # noqa: ANN401 - JSON
        match argument:
            case [index, values] if str(index).isdecimal():
                among = self._plain(values)
                return among[int(index)] if isinstance(among, list) and int(index) < len(among) else None
        return None

    def _find_in_map(self, argument: Any) -> Any:  # noqa: ANN401 - JSON
        match self._plain(argument):
            case [str(name), str(first), str(second)]:
                return _member(self._template, "Mappings", name, first, second)
        return None

    def _attribute(self, argument: Any) -> str | None:  # noqa: ANN401 - JSON
        """The ARN of a role or user of the template; of other attributes nothing is known."""
        match argument.split(".", 1) if isinstance(argument, str) else argument:
            case [str(logical_id), "Arn"]:
                return self._arn_of(logical_id)
        return None

    def _arn_of(self, logical_id: str) -> str | None:
        name = self._name_of(logical_id)
        if name is None:
            return None
        resource = _member(self._template, "Resources", logical_id) or {}
        path = self._plain(_member(resource, "Properties", "Path") or "/")
        kind, _ = _PRINCIPALS.get(resource.get("Type", ""), ("role", ""))
        path = path if isinstance(path, str) else unknown.mark(f"{logical_id}.Path")
        return f"arn:{self.partition}:iam::{self.account()}:{kind}{path}{name}"

    def _name_of(self, logical_id: str) -> str | None:
        """The name of a role or user of the template, which is what `Ref` of it gives; None for other resources."""
        resource = _member(self._template, "Resources", logical_id)
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if kind not in _PRINCIPALS and not self._is_of_function(logical_id, resource):
            return None
        given = _member(resource, "Properties", _PRINCIPALS[kind][1]) if kind in _PRINCIPALS else None
        if given is None or logical_id in self._open:
            return _GENERATED.format(logical_id)
        self._open.add(logical_id)
        name = self._plain(given)
        self._open.discard(logical_id)
        return name if isinstance(name, str) else unknown.mark(f"{logical_id} by name")

    def _is_of_function(self, logical_id: str, resource: Any) -> bool:  # noqa: ANN401 - JSON
        """Whether it is the role that SAM makes for a function that names none: its logical ID with `Role` behind."""
        function = _member(self._template, "Resources", logical_id.removesuffix("Role"))
        return (
            resource is None
            and logical_id.endswith("Role")
            and _member(function, "Type") == "AWS::Serverless::Function"
            and _member(function, "Properties", "Role") is None
        )


def _member(value: Any, *names: str) -> Any:  # noqa: ANN401 - JSON
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _default(parameter: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """A parameter's default; None where it has none, or where it is only the name of the value."""
    kind, default = str(parameter.get("Type", "String")), parameter.get("Default")
    if default is None or kind.startswith("AWS::SSM::Parameter::Value"):
        return None
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [part.strip() for part in str(default).split(",")]
    return str(default)


def _shown(name: str, argument: Any) -> str:  # noqa: ANN401 - JSON
    """A function as one would write it in YAML, cut where it would be long."""
    parts = argument if isinstance(argument, list) else [argument]
    plain = [part if isinstance(part, str) else "…" for part in parts]
    joined = ".".join(plain) if name == "Fn::GetAtt" else ", ".join(plain)
    return f"!{name.removeprefix('Fn::')} {joined}"[:60]
