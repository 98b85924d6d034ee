"""What is found in a file of infrastructure code: keys, and what their policies will be once deployed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kms_perimeter.policy.jsontext import Place
    from kms_perimeter.policy.key import Key

ACCOUNT = "account"
REGION = "region"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One way in which a file may be deployed.

    Attributes:
        account: the account that it is deployed into.
        region: the Region.
        conditions: which of a template's conditions hold; one that is not in here is not settled yet.
    """

    account: str
    region: str
    conditions: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """A key and its policy as one deployment makes them.

    Attributes:
        key: the key; without an account where the file does not use the deployment's.
        text: the policy as JSON; what stays unknown in it is marked, see `unknown`.
        places: where each value of the policy stands in the file, by its path such as ``Statement[0]``.
        used: which of `ACCOUNT` and `REGION` the policy is made of.
        unsettled: a condition that must be settled before the policy can be told, or None.
        fault: why the policy cannot be told at all, or None.
    """

    key: Key
    text: str
    places: Mapping[str, Place] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    unsettled: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A key policy in a file.

    Attributes:
        resource: the logical ID in a template, the address in a plan.
        place: where it stands, or None in a plan, which has no lines.
        read: tells key and policy for a deployment.
    """

    resource: str
    place: Place | None
    read: Callable[[Deployment], Reading]
