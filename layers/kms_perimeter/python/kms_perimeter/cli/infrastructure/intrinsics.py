"""The intrinsic functions of CloudFormation, as far as they have a value before the deployment.

What has none is left as ``${name}``. In a principal that is a form that nobody knows, and in a condition a variable
that AWS does not document: wherever the answer hangs on it, the engine says `undecided`.
"""

from __future__ import annotations

import re
from typing import Any

_PLACE = re.compile(r"\$\{(!?)([^}]+)\}")
_IDENTITIES = {"AWS::IAM::Role": ("role", "RoleName"), "AWS::IAM::User": ("user", "UserName")}
_OF_ANY_ACCOUNT = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}


class Resolver:
    """Knows a template's parameters and resources, and the account and Region that it is meant for."""

    def __init__(self, template: dict[str, Any], account: str, region: str | None) -> None:
        self.account = account
        self.resources: dict[str, Any] = template.get("Resources") or {}
        self.known: dict[str, str] = {"AWS::AccountId": account, **_OF_ANY_ACCOUNT}
        if region:
            self.known["AWS::Region"] = region
        for name, parameter in (template.get("Parameters") or {}).items():
            if isinstance(parameter, dict) and isinstance(parameter.get("Default"), str | int):
                self.known[name] = str(parameter["Default"])

    def value(self, value: object) -> Any:  # noqa: ANN401  (any JSON value)
        """The value with its intrinsic functions evaluated, as far as they can be."""
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        return {key: self.value(item) for key, item in value.items()}

    def _function(self, name: str, argument: object) -> object:
        if name == "Ref":
            return self._ref(str(argument))
        if name == "Fn::Sub":
            return self._sub(argument)
        if name == "Fn::GetAtt":
            return self._attribute(".".join(argument) if isinstance(argument, list) else str(argument))
        if name == "Fn::Join" and isinstance(argument, list):
            delimiter, parts = argument
            parts = self.value(parts)
            return str(delimiter).join(map(str, parts)) if isinstance(parts, list) else f"${{{name}}}"
        return f"${{{name}}}"

    def _ref(self, name: str) -> str:
        if name in self.known:
            return self.known[name]
        kind, property_name = _IDENTITIES.get(self._type(name), ("", ""))
        return self._name(name, property_name) if kind else f"${{{name}}}"

    def _attribute(self, path: str) -> str:
        name, _, attribute = path.partition(".")
        kind, property_name = _IDENTITIES.get(self._type(name), ("", ""))
        if kind and attribute == "Arn":
            return f"arn:aws:iam::{self.account}:{kind}/{self._name(name, property_name)}"
        return f"${{{path}}}"

    def _sub(self, argument: object) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})
        values = {name: str(self.value(value)) for name, value in (given or {}).items()}

        def fill(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:  # `${!name}` stands for `${name}`, a policy variable
                return f"${{{name}}}"
            return values.get(name) or (self._attribute(name) if "." in name else self._ref(name))

        return _PLACE.sub(fill, str(text))

    def _type(self, name: str) -> str:
        resource = self.resources.get(name)
        return str(resource.get("Type")) if isinstance(resource, dict) else ""

    def _name(self, name: str, property_name: str) -> str:
        given = self.value((self.resources[name].get("Properties") or {}).get(property_name))
        return given if isinstance(given, str) and "${" not in given else name
