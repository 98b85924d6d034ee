"""What a new policy takes away, in words."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kms_perimeter.policy.origins import Origin
from kms_perimeter.policy.principal import Form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.policy.callers import Caller
    from kms_perimeter.policy.document import KeyPolicy
    from kms_perimeter.remedy.comparison import Lost

_MOST_NAMED = 5
_FROM = {
    Origin.INTERNET: "from the internet",
    Origin.ENDPOINT: "over VPC endpoints",
    Origin.ON_BEHALF: "through AWS services",
    Origin.SERVICE: "for itself",
}
_EVERYWHERE = {Origin.INTERNET, Origin.ENDPOINT, Origin.ON_BEHALF}


def sentences(lost: Iterable[Lost], present: KeyPolicy, account: str) -> tuple[str, ...]:
    """What is lost, by whom and from where, a clause each; the same operations of the same callers in one."""
    origins = defaultdict[tuple[str, str, str], dict[str, None]](dict)
    for one in lost:
        who = _who(one.situation.caller, present, account)
        for operation in one.operations:
            origins[who, _how(one), operation][_where(one)] = None
    operations = defaultdict[tuple[str, str, str], list[str]](list)
    for (who, how, operation), places in origins.items():
        operations[who, how, _joined(list(places))].append(operation)
    return tuple(f"{who} {how.format(_named(ops))} {where}" for (who, how, where), ops in operations.items())


def by_services(lost: Lost) -> bool:
    """Whether it is a use by an AWS service, for itself or for somebody."""
    caller = lost.situation.caller
    return lost.situation.origin in (Origin.ON_BEHALF, Origin.SERVICE) or caller.is_ebs_role


def _who(caller: Caller, present: KeyPolicy, account: str) -> str:
    named = [p for s in present.statements for p in s.principal.principals]
    told = any(p.value == caller.text for p in named) and caller.form is not Form.ACCOUNT
    if told or caller.is_service or caller.is_ebs_role or caller.form in (Form.SESSION, Form.FEDERATED_USER):
        return f"`{caller.text}`"
    if caller.account == account:
        return "principals of the key's own account"
    if any(p.account == caller.account for p in named):
        return f"principals of account {caller.account}"
    return "principals of any other account"


def _how(lost: Lost) -> str:
    if lost.by_grant:
        return "could no longer use a grant on {0}"
    return "would need an IAM policy for {0}" if lost.needs_iam else "could no longer call {0}"


def _where(lost: Lost) -> str:
    if lost.covered and lost.situation.origin is Origin.ENDPOINT:
        return "from approved networks"
    return _FROM[lost.situation.origin]


def _joined(places: list[str]) -> str:
    if {_FROM[origin] for origin in _EVERYWHERE} <= set(places):
        return "from everywhere"
    return places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"


def _named(operations: list[str]) -> str:
    rest = len(operations) - _MOST_NAMED
    shown = ", ".join(f"`{operation}`" for operation in operations[:_MOST_NAMED])
    return shown + (f" and {rest} more" if rest > 0 else "")
