"""Policies made to take long: each must get an answer, or `undecided`, in bounded time."""

from __future__ import annotations

import json
import random
from typing import Any

OWNER = "111122223333"
_ALL = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"}


def policies() -> dict[str, str]:
    """Texts by what is hostile about them."""
    return {
        "brackets nested 100,000 deep": '{"Statement":' + "[" * 100_000,
        "128 KB, hundreds of statements": _policy(*(_deny(i) for i in range(860))),
        "5,000 values in one condition": _policy(_when("StringNotEquals", "aws:UserAgent", _words(5_000))),
        "2,000 patterns in one condition": _policy(_when("StringNotLike", "aws:UserAgent", _stars(2_000))),
        "3,000 named principals": _policy({**_ALL, "Principal": {"AWS": _roles(3_000)}}),
        "200 patterns on aws:PrincipalArn": _policy(_when("ArnNotLike", "aws:PrincipalArn", _arn_patterns(200))),
        "patterns such as *a*a*a*b": _policy(*(_starry(i) for i in range(20))),
        "3-SAT at its hardest, 40 keys": _policy(*_clauses(40, 170)),
        "4,000 addresses": _policy(_when("NotIpAddress", "aws:SourceIp", _networks(4_000))),
    }


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [_ALL, *statements]})


def _when(operator: str, key: str, values: list[str]) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {operator: {key: values}}}


def _deny(number: int) -> dict[str, Any]:
    return _when("StringLike", f"aws:PrincipalTag/tag-{number % 60}", [f"value-{number}-*", f"*{number}*"])


def _words(count: int) -> list[str]:
    return [f"agent-{i}" for i in range(count)]


def _stars(count: int) -> list[str]:
    return [f"*{i}*x" for i in range(count)]


def _roles(count: int) -> list[str]:
    return [f"arn:aws:iam::{OWNER}:role/role-{i}" for i in range(count)]


def _arn_patterns(count: int) -> list[str]:
    return [f"arn:aws:iam::*:role/*{i}*" for i in range(count)]


def _starry(number: int) -> dict[str, Any]:
    return _when("StringNotLike", f"aws:PrincipalTag/t{number}", ["*a" * n + "*b" for n in range(1, 20)])


def _networks(count: int) -> list[str]:
    return [f"10.{i >> 8}.{i & 255}.0/24" for i in range(count)]


def _clauses(keys: int, clauses: int) -> list[dict[str, Any]]:
    """A `Deny` for each clause: it does not apply where one of its conditions is false."""
    made = []
    drawn = random.Random(3)  # noqa: S311  (the same every time)
    for _ in range(clauses):
        tested: dict[str, dict[str, str]] = {}
        for key in drawn.sample(range(keys), 3):
            tested.setdefault(drawn.choice(["StringEquals", "StringNotEquals"]), {})[f"aws:PrincipalTag/k{key}"] = "x"
        made.append({**_when("Null", "x", []), "Condition": tested})
    return made
