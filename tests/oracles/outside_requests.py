"""Requests from outside a perimeter, made at random out of what a policy mentions; an `enclosed` key allows none.

They are built from the table of request paths in the documentation of AWS's global condition keys, not from our search.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy import context_keys, operations
from kms_perimeter.policy.request import Request
from tests.conformance.outside import is_outside, is_possible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from kms_perimeter.perimeter import Perimeter
    from kms_perimeter.policy.key import Key

    Context = dict[str, str | tuple[str, ...]]

OURS, STRANGER = "111122223333", "999988887777"
ENDPOINTS = ["vpce-0eeeeeeeeeeeeeeee", "vpce-0f9e8d7c6b5a43210"]
VPCS = ["vpc-0eeeeeeeeeeeeeeee", "vpc-07c6b5a4321f9e8d0"]
ORGANISATIONS = ["o-eeeeeeeeee", "o-a1b2c3d4e5"]
CALLER = re.compile(r"arn:aws[a-z-]*:(iam::[0-9]{12}:(role|user)|sts::[0-9]{12}:(assumed-role|federated-user))/.+")
FORMS = {
    "aws:sourcevpce": re.compile(r"vpce-[0-9a-f]{8}([0-9a-f]{9})?"),
    "aws:sourcevpc": re.compile(r"vpc-[0-9a-f]{8}([0-9a-f]{9})?"),
    "aws:vpceaccount": re.compile(r"[0-9]{12}"),
    "aws:vpceorgid": re.compile(r"o-[a-z0-9]{10,32}"),
}
GOVERNED = re.compile(  # keys that the origin, the caller or the key fix; all others are the caller's choice
    r"aws:(source|vpc|via|called|principal(?!tag/)|requested|resource|secure|userid|username)|kms:(via|caller|key|multi|grantisfor)"
)


def outside_requests(
    policy: dict[str, Any], perimeter: Perimeter, key: Key, random: Random, tries: int
) -> list[Request]:
    """Possible requests from outside, for operations that the perimeter covers and the key can perform."""
    mentioned = Mentioned(policy)
    covered = operations.expand(pattern for rule in perimeter.rules for pattern in rule.operations)
    possible = [op.name for op in operations.possible_on(key) if op.name in covered]
    if not possible:
        return []
    drawn = (_request(mentioned, key, random, random.choice(possible)) for _ in range(tries))
    return [request for request in drawn if is_possible(request) and is_outside(request, perimeter, key)]


class Mentioned:
    """The values that a policy mentions: principals, and for each condition key its values made concrete."""

    def __init__(self, policy: dict[str, Any]) -> None:
        listed = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        self.values: dict[str, list[str]] = {}
        self.callers = [f"arn:aws:iam::{OURS}:role/any", f"arn:aws:iam::{OURS}:user/alice", *_strangers()]
        for statement in listed:
            self._mention_principals(statement.get("Principal", statement.get("NotPrincipal")))
            self._mention_conditions(statement.get("Condition", {}))
        spared = map(_concrete, self.values.get("aws:principalarn", ()))
        self.callers += [arn for arn in spared if CALLER.fullmatch(arn)]

    def _mention_principals(self, principal: Any) -> None:  # noqa: ANN401 - JSON
        for kind, named in principal.items() if isinstance(principal, dict) else ():
            for name in named if isinstance(named, list) else [named]:
                self.callers += _callers_of(kind, name)

    def _mention_conditions(self, condition: dict[str, dict[str, Any]]) -> None:
        for tested in condition.values():
            for name, values in tested.items():
                texts = [str(v) for v in (values if isinstance(values, list) else [values])]
                self.values.setdefault(name.lower(), []).extend(texts)

    def some(self, name: str, others: list[str], random: Random) -> str:
        """A value that this key can have: one that the policy mentions, or another."""
        form = FORMS.get(name, re.compile(".*"))
        mentioned = [_concrete(value) for value in self.values.get(name, ()) if "${" not in value or "'" in value]
        return random.choice([value for value in mentioned if form.fullmatch(value)] + others)


def _strangers() -> list[str]:
    return [f"arn:aws:iam::{STRANGER}:role/x", "logs.us-east-1.amazonaws.com"]


def _callers_of(kind: str, name: str) -> list[str]:
    if kind == "Service":
        return [name]
    if kind != "AWS" or name == "*":
        return []
    if re.fullmatch(r"[0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:root", name):
        account = name if name.isdigit() else name.split(":")[4]
        return [f"arn:aws:iam::{account}:role/any"]
    return [name] if name.startswith("arn:") else []


def _concrete(pattern: str) -> str:
    """A value that the pattern matches, if it is one."""
    pattern = re.sub(r"\$\{[^}]*'([^']*)'\}", r"\1", pattern)
    account = re.sub(r"::\*?:", f"::{OURS}:", pattern) if pattern.startswith("arn:aws:iam") else pattern
    return account.replace("*", "x").replace("?", "0")


OF_PRINCIPALS = re.compile(r"aws:(principaltag/|multifactorauth|tokenissuetime)")


def _request(mentioned: Mentioned, key: Key, random: Random, operation: str) -> Request:
    caller = random.choice(mentioned.callers)
    context = _caller(caller, random) | _fixed(key) | _origin(caller, mentioned, random)
    for name in mentioned.values:
        of_spec = context_keys.algorithms(name, key.spec)
        unlikely = OF_PRINCIPALS.match(name) and not caller.startswith("arn:")
        if of_spec:
            context[name] = random.choice(sorted(of_spec))
        elif not GOVERNED.match(name) and not unlikely and random.random() < 0.7:
            context[name] = _free(name, mentioned, random)
    context = _with_pairs(context, random)
    carried = {name: v for name, v in context.items() if context_keys.exists_for(name.lower(), operation, key)}
    return Request(caller, operation, key.arn or f"arn:aws:kms:us-east-1:{OURS}:key/1234", carried)


def _caller(caller: str, random: Random) -> Context:
    if not caller.startswith("arn:"):
        named: Context = {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": caller}
        return named | ({"aws:SourceAccount": OURS} if random.random() < 0.5 else {})
    account, name = caller.split(":")[4], caller.split("/")[1:2]
    role = f"arn:aws:iam::{account}:role/{name[0]}" if ":assumed-role/" in caller else caller
    known = {"aws:PrincipalArn": role, "aws:PrincipalAccount": account, "kms:CallerAccount": account}
    user = {"aws:username": caller.rpartition("/")[2]} if ":user/" in caller else {}
    member = {"aws:PrincipalOrgID": random.choice(ORGANISATIONS)} if random.random() < 0.5 else {}
    return {**known, **user, **member, "aws:PrincipalIsAWSService": "false"}


def _fixed(key: Key) -> Context:
    tags = {f"aws:ResourceTag/{name}": value for name, value in (key.tags or {}).items()}
    known = {
        "aws:SecureTransport": "true",
        "aws:RequestedRegion": key.region or "us-east-1",
        "aws:CurrentTime": "2026-06-01T00:00:00Z",
    }
    return {
        **known,
        **tags,
        "aws:ResourceAccount": key.account or OURS,
        "kms:KeySpec": key.spec,
        "kms:KeyUsage": key.usage,
        "kms:MultiRegion": str(bool(key.is_multi_region)).lower(),
    }


def _origin(caller: str, mentioned: Mentioned, random: Random) -> Context:
    if not caller.startswith("arn:"):
        return {"aws:ViaAWSService": "false"}
    origin = random.choice([_internet, _endpoint, _endpoint, _behalf])
    return origin(mentioned, random)


def _internet(mentioned: Mentioned, random: Random) -> Context:
    address = mentioned.some("aws:sourceip", ["203.0.113.7", "198.51.100.9", "2001:db8::7"], random)
    return {"aws:ViaAWSService": "false", "aws:SourceIp": _address(address)}


def _address(text: str) -> str:
    address = text.partition("/")[0]
    return address if address not in ("0.0.0.0", "::") else "192.0.2.1"  # noqa: S104 - no server binds to it


def _endpoint(mentioned: Mentioned, random: Random) -> Context:
    vpc = mentioned.some("aws:sourcevpc", VPCS, random)
    arn = mentioned.some("aws:sourcevpcarn", [""], random)
    named = arn.rpartition("/")[2]
    vpc = named if FORMS["aws:sourcevpc"].fullmatch(named) and random.random() < 0.5 else vpc
    owner = mentioned.some("aws:vpceaccount", [OURS, STRANGER], random)
    through: Context = {
        "aws:ViaAWSService": "false",
        "aws:SourceVpce": mentioned.some("aws:sourcevpce", ENDPOINTS, random),
        "aws:SourceVpc": vpc,
        "aws:VpcSourceIp": "10.1.2.3",
        "aws:SourceVpcArn": f"arn:aws:ec2:us-east-1:{owner}:vpc/{vpc}",
        "aws:VpceAccount": owner,
    }
    if random.random() < 0.5:
        organisation = mentioned.some("aws:vpceorgid", ORGANISATIONS, random)
        through |= {"aws:VpceOrgID": organisation, "aws:VpceOrgPaths": (f"{organisation}/r-ab12/ou-1/",)}
    return through


def _behalf(mentioned: Mentioned, random: Random) -> Context:
    service = mentioned.some("kms:viaservice", ["s3.us-east-1.amazonaws.com"], random)
    called: Context = {"aws:ViaAWSService": "true", "kms:ViaService": service, "kms:GrantIsForAWSResource": "true"}
    called |= {"aws:CalledVia": (f"{service.split('.', maxsplit=1)[0]}.amazonaws.com",)}
    return called | ({"aws:SourceIp": "203.0.113.7"} if random.random() < 0.5 else {})


def _free(name: str, mentioned: Mentioned, random: Random) -> str | tuple[str, ...]:
    value = mentioned.some(name, _others(name), random)
    key = context_keys.find(name)
    if key is not None and key.kind is context_keys.Kind.BOOL and value not in ("true", "false"):
        value = random.choice(["true", "false"])
    return (value,) if key is not None and key.multivalued else value


def _with_pairs(context: Context, random: Random) -> Context:
    """The context with its two ways of telling the encryption context in step: names, and pairs of name and value."""
    prefix, listed = "kms:encryptioncontext:", "kms:encryptioncontextkeys"
    names = [name.removeprefix(prefix) for name in context if name.startswith(prefix)]
    named = context.pop(listed, ()) if random.random() < 0.7 else ()
    names += [name for name in named if name.lower() not in names]
    context.pop(listed, None)
    if not names:
        return context
    pairs: Context = {f"{prefix}{name.lower()}": "other" for name in names}
    return {**pairs, **context, listed: tuple(names)}


def _others(name: str) -> list[str]:
    kinds: Iterator[tuple[str, list[str]]] = iter(
        [
            (r".*(currenttime|issuetime)", ["2026-06-01T00:00:00Z", "2095-01-01T00:00:00Z"]),
            (r".*(age|days)$", ["1", "8", "299", "9999"]),
            (r".*present$|kms:bypass.*|.*isforawsresource", ["true", "false"]),
        ]
    )
    return next((values for pattern, values in kinds if re.fullmatch(pattern, name)), ["other"])
