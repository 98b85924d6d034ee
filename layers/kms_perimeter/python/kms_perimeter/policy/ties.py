"""Condition keys that a request cannot set apart from each other: the VPC and its ARN, the list and its first member.

Keys that are tied, and keys that a policy variable compares with each other, are taken together as one variable whose
values are whole contexts; combinations that no request can have are left out.
"""

from __future__ import annotations

from itertools import combinations, count, islice, product
from typing import TYPE_CHECKING

from kms_perimeter.policy.context_keys import ENCRYPTION_CONTEXT, Kind
from kms_perimeter.policy.domains import DOMAINS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from kms_perimeter.policy.origins import Value

_ARN_COLONS = 5
_WILD = frozenset("*?$")
_CALLED = ("aws:calledvia", "aws:calledviafirst", "aws:calledvialast")
_ORGANISATIONS = {
    "aws:vpceorgpaths": "aws:vpceorgid",
    "aws:principalorgpaths": "aws:principalorgid",
    "aws:sourceorgpaths": "aws:sourceorgid",
    "aws:resourceorgpaths": "aws:resourceorgid",
}
_CONTEXT_KEYS = "kms:encryptioncontextkeys"
_TAG_KEYS = "aws:tagkeys"
_REQUEST_TAG = "aws:requesttag/"
_LISTINGS = ((_CONTEXT_KEYS, ENCRYPTION_CONTEXT), (_TAG_KEYS, _REQUEST_TAG))
_USAGE = {"kms:customermasterkeyspec": "kms:keyspec", "kms:customermasterkeyusage": "kms:keyusage"}


def family(name: str, names: Collection[str]) -> str:
    """A name that tied keys share, so that those of one family are taken together; else the key's own.

    The members of a map are tied by the list of its keys, so if nobody asks for that they are not.
    """
    if name == "aws:sourcevpcarn":
        return "aws:sourcevpc"
    if name in _CALLED:
        return _CALLED[0]
    if name.startswith(ENCRYPTION_CONTEXT) and _CONTEXT_KEYS in names:
        return _CONTEXT_KEYS
    if name.startswith(_REQUEST_TAG) and _TAG_KEYS in names:
        return _TAG_KEYS
    return _ORGANISATIONS.get(name) or _USAGE.get(name) or name


def are_members(names: Sequence[str]) -> bool:
    """Whether values of one of these keys are values of another: the first service of a chain is in the chain."""
    return sum(name in _CALLED for name in names) > 1


def enrich(
    names: Sequence[str], values: Mapping[str, Sequence[str]], spelled: Mapping[str, str]
) -> dict[str, list[str]]:
    """Values that a tied key should also be tried with, made from those of the keys it is tied to."""
    more: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        mine = values.get(name, ())
        if name == "aws:sourcevpcarn" and "aws:sourcevpc" in more:
            more["aws:sourcevpc"] += [v.rpartition("/")[2] for v in mine]
            vpcs = dict.fromkeys([*values["aws:sourcevpc"], *more["aws:sourcevpc"]])
            more[name] += [f"{owner}:vpc/{v}" for owner in _owners(mine) for v in vpcs]
        elif name in _CALLED:
            for other in _CALLED:
                if other in more:
                    more[other] += mine
        elif name in _ORGANISATIONS and (one := _ORGANISATIONS[name]) in more:
            organisations = [v.partition("/")[0] for v in mine if v.startswith("o-")]
            organisations.append(DOMAINS[Kind.ORGANISATION].fresh([*organisations, *values[one]]))
            more[one] += organisations
            more[name] += [f"{v}/{_no_root(mine)}/" for v in dict.fromkeys([*values[one], *organisations])]
        elif name.startswith(ENCRYPTION_CONTEXT) and _CONTEXT_KEYS in more:
            more[_CONTEXT_KEYS].append(spelled.get(name, name)[len(ENCRYPTION_CONTEXT) :])
        elif name.startswith(_REQUEST_TAG) and _TAG_KEYS in more:
            more[_TAG_KEYS].append(spelled.get(name, name)[len(_REQUEST_TAG) :])
    return more


def _owners(arns: Sequence[str]) -> list[str]:
    """Regions and accounts, as ARNs begin, that VPCs can be of: those that a policy names and one that it does not.

    The ID of a VPC is unique only within a Region, so each VPC can be of any of them.
    """
    named = [arn.rpartition(":")[0] for arn in arns if arn.count(":") == _ARN_COLONS and ":vpc/" in arn]
    regions = dict.fromkeys([*(owner.split(":")[3] or "us-east-1" for owner in named), "us-east-1", "eu-central-1"])
    accounts = dict.fromkeys([*(owner.split(":")[4] for owner in named), "111122223333"])
    accounts |= dict.fromkeys(islice((a for a in ("999988887777", "777766665555") if a not in accounts), 1))
    return [f"arn:aws:ec2:{region}:{account}" for region in regions for account in accounts if account]


def _no_root(paths: Sequence[str]) -> str:
    """The root of an organisation that none of the paths is about."""
    return next(root for n in count() if not any((root := f"r-ab{n + 12}") in path for path in paths))


def are_plain(names: Sequence[str], patterns: Mapping[str, Sequence[str]]) -> bool:
    """Whether the patterns on tied keys are such that `enrich` finds every combination of their classes.

    A pattern on the ARN of a VPC must say of each part all or nothing, and one on an organisation's path which
    organisation it is, with wildcards at its end alone.
    """
    for name in names:
        one = "aws:sourcevpc" if name == "aws:sourcevpcarn" else _ORGANISATIONS.get(name)
        said = patterns.get(name, ()) if one in names else ()
        if not all(_is_plain_arn(p) if name == "aws:sourcevpcarn" else _is_plain_path(p) for p in said):
            return False
    return True


def _is_plain_arn(pattern: str) -> bool:
    fields = pattern.split(":")
    return len(fields) == _ARN_COLONS + 1 and all(f in ("*", "vpc/*") or _WILD.isdisjoint(f) for f in fields)


def _is_plain_path(pattern: str) -> bool:
    return "/" in pattern and _WILD.isdisjoint(pattern.rstrip("*"))


def plainest_first(choices: Mapping[str, Sequence[Value]]) -> Iterator[dict[str, Value] | None]:
    """Contexts of these values, in the order of how many keys have another than their first value; None for none.

    There may be far too many to make them all, and the first ones should differ in every key. What a list of a map's
    keys says follows from the members, so that it is not tried with all that it could say.
    """
    listing = next((each for each in _LISTINGS if each[0] in choices), None)
    lists, prefix = listing or ("", "")
    free = {name: values for name, values in choices.items() if name != lists}
    members = {name: name[len(prefix) :] for name in free if prefix and name.startswith(prefix)}
    said: dict[frozenset[str], list[Value]] = {}
    for value in choices.get(lists, ()):
        listed = {key.lower() for key in value or ()}
        said.setdefault(frozenset(listed.intersection(members.values())), []).append(value)
    for values in _few_others(list(free.values())):
        context = dict(zip(free, values, strict=True))
        if not listing:
            yield context
            continue
        there = frozenset(key for name, key in members.items() if context[name] is not None)
        for value in said.get(there, ()):
            yield {**context, lists: value}
        if there not in said:
            yield None


def _few_others(choices: Sequence[Sequence[Value]]) -> Iterator[list[Value]]:
    """The product of these values, but with few others than the first of each before many."""
    plain = [values[0] for values in choices]
    for size in range(len(choices) + 1):
        for places in combinations(range(len(choices)), size):
            for others in product(*(choices[place][1:] for place in places)):
                combined = plain.copy()
                for place, value in zip(places, others, strict=True):
                    combined[place] = value
                yield combined


def possible(context: Mapping[str, Value]) -> bool:
    """Whether one request can carry these values of tied keys together."""
    return all(check(context) for check in (_vpc, _called, _organisation, _listed, _same))


def _vpc(context: Mapping[str, Value]) -> bool:
    arn, vpc = context.get("aws:sourcevpcarn"), context.get("aws:sourcevpc")
    if "aws:sourcevpcarn" not in context or "aws:sourcevpc" not in context:
        return True
    return vpc is None if arn is None else str(arn).rpartition(":")[2] == f"vpc/{vpc}"


def _called(context: Mapping[str, Value]) -> bool:
    chain = context.get(_CALLED[0])
    first, last = context.get(_CALLED[1]), context.get(_CALLED[2])
    if all(name in context for name in _CALLED[1:]) and (first is None) is not (last is None):
        return False
    if _CALLED[0] not in context:
        return True
    if not chain:
        return chain is None and first is None and last is None
    ends = [v for n, v in zip(_CALLED[1:], (first, last), strict=True) if n in context]
    return all(end in chain for end in ends)


def _organisation(context: Mapping[str, Value]) -> bool:
    for paths_name, one in _ORGANISATIONS.items():
        if paths_name in context and one in context:
            paths, organisation = context[paths_name], context[one]
            if (paths is None) is not (organisation is None):
                return False
            if paths and any(not p.startswith(f"{organisation}/") for p in paths):
                return False
    return True


def _listed(context: Mapping[str, Value]) -> bool:
    """The members of a map are there exactly when the list of its keys names them."""
    for list_name, prefix in _LISTINGS:
        if list_name in context:
            listed = {key.lower() for key in context[list_name] or ()}
            for name, value in context.items():
                if name.startswith(prefix) and (value is not None) is not (name[len(prefix) :] in listed):
                    return False
    return True


def _same(context: Mapping[str, Value]) -> bool:
    return all(context[a] == context[b] for a, b in _USAGE.items() if a in context and b in context)
