"""Key policies in CloudFormation and SAM templates, in YAML or JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from kms_perimeter.cli.infrastructure import Found, default_policy, text_of
from kms_perimeter.cli.infrastructure.intrinsics import Resolver
from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy.escape import NOBODYS_ACCOUNT
from kms_perimeter.policy.jsontext import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = frozenset({"AWS::KMS::Key", "AWS::KMS::ReplicaKey"})
_FOR_THE_ENGINE = frozenset({"Principal", "NotPrincipal", "Condition"})
"""Where a value that is not known yet is the engine's to doubt; anywhere else there is nothing to judge."""
_OPEN = re.compile(r"\$\{(?!(?:aws|kms):|[*?$]\})", re.IGNORECASE)
_LONG_NAMES = {"Ref": "Ref", "Condition": "Condition"}


class _Loader(yaml.SafeLoader):
    """Reads the short forms of intrinsic functions, such as ``!Sub``, as the long ones."""


def _short(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = _LONG_NAMES.get(suffix, f"Fn::{suffix}")
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)} if isinstance(node, yaml.MappingNode) else {}


_Loader.add_multi_constructor("!", _short)
# A date such as 2012-10-17 is the version of a policy here, never a date.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> Any:  # noqa: ANN401  (any YAML value)
    """The template as plain values.

    Raises:
        MalformedPolicy: it is not YAML; with line and column.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506  (a safe loader with more tags)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise MalformedPolicy(f"is not YAML: {error.problem}", line=line, column=column) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise MalformedPolicy(f"is not YAML: {str(error).splitlines()[0]}") from None


def is_template(value: object) -> bool:
    """Whether a document is a template."""
    return isinstance(value, dict) and isinstance(value.get("Resources"), dict)


def policies(template: dict[str, Any], text: str, account: str | None, region: str | None) -> Iterator[Found]:
    """Each key of a template, with its policy."""
    resolver = Resolver(template, account or NOBODYS_ACCOUNT, region)
    places = _places(text)
    for name, resource in template["Resources"].items():
        if isinstance(resource, dict) and resource.get("Type") in KEYS:
            properties = resolver.value(resource.get("Properties") or {})
            yield _found(name, properties, resolver.account, places.get(name, ()))


def _found(name: str, properties: dict[str, Any], account: str, places: tuple[Place, ...]) -> Found:
    usage, spec = text_of(properties, "KeyUsage"), text_of(properties, "KeySpec")
    policy = properties.get("KeyPolicy")
    if policy is None:
        return Found(name, default_policy(account), usage, spec, places)
    if isinstance(policy, str) and "${" in policy:
        return Found(name, "", usage, spec, places, f"its policy is known only after the deployment: `{policy}`")
    written = policy if isinstance(policy, str) else json.dumps(policy)
    unknown = None if isinstance(policy, str) else _unknown(policy)
    return Found(name, written, usage, spec, places, unknown)


def _unknown(policy: object) -> str | None:
    """Why the policy cannot be judged before the deployment, if something else than the engine's own doubts is open."""
    if not isinstance(policy, dict):
        return None
    statements = policy.get("Statement")
    for index, statement in enumerate(statements if isinstance(statements, list) else [statements]):
        for member, value in statement.items() if isinstance(statement, dict) else ():
            if not _OPEN.search(json.dumps(value)) or member == "Sid":
                continue
            # Without policy variables, the engine would take `${…}` in a condition for a text of that look.
            literal = member == "Condition" and policy.get("Version") != "2012-10-17"
            if member not in _FOR_THE_ENGINE or literal:
                return f"`Statement[{index}].{member}` is known only after the deployment"
    return None


def _places(text: str) -> dict[str, tuple[Place, ...]]:
    """Where the statements of each resource stand; for one without a policy, where the resource stands."""
    root = yaml.compose(text, _Loader)
    found: dict[str, tuple[Place, ...]] = {}
    for name, resource in _members(_member(root, "Resources")):
        statements = _member(_member(_member(resource, "Properties"), "KeyPolicy"), "Statement")
        nodes = statements.value if isinstance(statements, yaml.SequenceNode) else [statements or resource]
        found[name] = tuple(Place(node.start_mark.line + 1, node.start_mark.column + 1) for node in nodes)
    return found


def _members(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield str(name.value), value


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    return dict(_members(node)).get(name)
