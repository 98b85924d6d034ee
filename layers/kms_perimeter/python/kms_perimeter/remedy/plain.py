"""Policies of different Versions side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.policy.record import replace

if TYPE_CHECKING:
    from kms_perimeter.policy.document import Condition, Element, KeyPolicy, Statement

_LITERAL = "${$}{"
"""How a policy with variables writes ``${`` where it means just that (*Policy variables* in the IAM User Guide)."""


def statements(policy: KeyPolicy, *, has_variables: bool) -> tuple[Statement, ...]:
    """The statements, so that they can stand in a policy with or without variables and mean what they mean now.

    Args:
        policy: the policy; where it has variables, so must the other.
        has_variables: whether the policy that they are to stand in has variables.
    """
    same = policy.has_variables is has_variables
    return policy.statements if same else tuple(map(_escaped, policy.statements))


def _escaped(statement: Statement) -> Statement:
    resource = statement.resource and _element(statement.resource)
    return replace(statement, resource=resource, conditions=tuple(map(_condition, statement.conditions)))


def _element(element: Element) -> Element:
    return replace(element, patterns=tuple(p.replace("${", _LITERAL) for p in element.patterns))


def _condition(condition: Condition) -> Condition:
    return replace(condition, values=tuple(v.replace("${", _LITERAL) for v in condition.values))
