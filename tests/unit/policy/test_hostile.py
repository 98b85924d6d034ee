"""Policies made to hurt: whatever is asked, an answer comes, in bounded steps and memory."""

from __future__ import annotations

import itertools
import json
import random
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from kms_perimeter.perimeter import Perimeter, Rule
from kms_perimeter.policy import document
from kms_perimeter.policy.key import Key
from kms_perimeter.verdict import Outcome, Verdict, judge, judge_policy

if TYPE_CHECKING:
    from collections.abc import Callable

PERIMETER = Perimeter("default", (Rule("use", ("cryptographic",), ("vpce-0a1b2c3d4e5f60718",)),))
KEY = Key(account="111122223333")
MOST_BYTES = 64 * 2**20
MOST_CALLS = 3_000_000
BEFORE_ANY_STEP = 500_000  # what reading the values once takes, at these sizes
CALLS_A_STEP = 20


def allow(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A statement that leaves everything to the account."""
    return {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*", **more}


def deny(**condition: Any) -> dict[str, Any]:  # noqa: ANN401
    """A `Deny` of everything for everybody, under a condition."""
    return {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": condition}


def policy(*statements: dict[str, Any]) -> str:
    """The text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def tag(name: object) -> str:
    """A condition key that any caller can set."""
    return f"aws:PrincipalTag/{name}"


def pigeons(holes: int) -> list[dict[str, Any]]:
    """One pigeon too many: no choice satisfies it, and finding that out takes a clever solver very long."""
    apart = [
        deny(StringEquals={tag(i): f"h{hole}", tag(j): f"h{hole}"})
        for hole in range(holes)
        for i in range(holes + 1)
        for j in range(i)
    ]
    return [*apart, *(deny(StringNotEquals={tag(i): [f"h{h}" for h in range(holes)]}) for i in range(holes + 1))]


def clauses(count: int) -> list[dict[str, Any]]:
    """Random clauses over sixty tags."""
    pick = random.Random(1)
    return [
        deny(
            StringEquals={tag(pick.randrange(60)): "x"},
            StringNotEquals={tag(pick.randrange(60)): "x"},
            StringLike={tag(pick.randrange(60)): "x*"},
        )
        for _ in range(count)
    ]


def members(count: int, prefix: str, listing: str | None = None) -> list[dict[str, Any]]:
    """Statements about one member each of a map that callers send, and about the list of its keys."""
    said: list[dict[str, Any]] = [{"StringEquals": {f"{prefix}k{n}": "v"}} for n in range(count)]
    if listing:
        said = [{**c, "ForAllValues:StringEquals": {listing: [f"k{n}", "other"]}} for n, c in enumerate(said)]
    return [allow(Action=["kms:Decrypt", "kms:TagResource"], Condition=condition) for condition in said]


ENDPOINTS = [f"vpce-{n:017x}" for n in range(5000)]
HOSTILE = {
    "a text of 128 KB": lambda: policy(allow(Sid="x" * 130_000)),
    "500 statements": lambda: policy(
        *(allow(Condition={"StringEquals": {"aws:SourceVpce": e}}) for e in ENDPOINTS[:500])
    ),
    "260 random clauses": lambda: policy(allow(), *clauses(260)),
    "pigeons": lambda: policy(allow(), *pigeons(7)),
    "patterns full of stars": lambda: policy(allow(), deny(StringNotLike={tag("x"): ["*a" * 30 + "*b", "?a*" * 20]})),
    "5,000 values": lambda: policy(allow(), deny(StringNotEquals={"aws:SourceVpce": ENDPOINTS})),
    "2,500 patterns": lambda: policy(
        allow(), deny(ArnNotLike={"aws:PrincipalArn": [f"arn:aws:iam::{n:012d}:role/a*{n}" for n in range(2500)]})
    ),
    "3,000 networks": lambda: policy(
        allow(), deny(NotIpAddress={"aws:SourceIp": [f"10.{n >> 8}.{n & 255}.0/24" for n in range(3000)]})
    ),
    "2,500 principals": lambda: policy(
        allow(Principal={"AWS": [f"arn:aws:iam::{n:012d}:role/x" for n in range(2500)]})
    ),
    "2,000 actions": lambda: policy(allow(Action=["kms:" + "*?" * 20 + str(n) for n in range(2000)])),
    "variables everywhere": lambda: policy(
        allow(), *(deny(StringNotEquals={"aws:SourceVpce": f"${{aws:PrincipalTag/a{n}}}"}) for n in range(10))
    ),
    "30 members of a map": lambda: policy(*members(30, "kms:EncryptionContext:")),
    "30 members and their list": lambda: policy(*members(30, "kms:EncryptionContext:", "kms:EncryptionContextKeys")),
    "150 members and their list": lambda: policy(*members(150, "aws:RequestTag/", "aws:TagKeys")),
    "30 keys that are compared": lambda: policy(
        allow(), *(deny(StringNotEquals={tag(f"a{n}"): f"${{{tag(f'a{n + 1}')}}}"}) for n in range(30))
    ),
    "12 keys that are compared with who calls": lambda: policy(
        allow(Principal={"AWS": [f"arn:aws:iam::{n:012d}:role/r" for n in range(60)]}),
        *(
            deny(StringNotEquals={tag(f"a{n}"): "${aws:PrincipalArn}", "aws:SourceVpc": f"${{{tag(f'a{n + 1}')}}}"})
            for n in range(12)
        ),
    ),
    "enormous numbers": lambda: policy(
        allow(), deny(NumericLessThan={"aws:MultiFactorAuthAge": ["1e999999999", "9" * 5000]})
    ),
    "a lone surrogate": lambda: policy(allow(Sid="\ud800")),
    "brackets without end": lambda: '{"Statement": ' + "[" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_comes_in_bounded_memory(name: str) -> None:
    """Every verdict is possible but an exception, and memory stays small."""
    text = HOSTILE[name]()

    tracemalloc.start()
    verdict = judge(text, KEY, PERIMETER)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert verdict.outcome in Outcome
    assert peak < MOST_BYTES


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_comes_in_bounded_steps(name: str) -> None:
    """However a policy is made, the engine makes no more calls than it can make in half a second."""
    text = HOSTILE[name]()

    calls = count_calls(lambda: judge(text, KEY, PERIMETER))

    assert calls < MOST_CALLS


def count_calls(work: Callable[[], object]) -> int:
    """How many calls of functions, Python's own among them, some work makes."""
    counted = itertools.count()
    before = sys.getprofile()
    sys.setprofile(lambda _frame, event, _argument: next(counted) if event in ("call", "c_call") else None)
    try:
        work()
    finally:
        sys.setprofile(before)
    return next(counted)


@pytest.mark.parametrize("steps", [0, 1, 100, 1_000, 10_000])
@pytest.mark.parametrize("name", ["pigeons", "500 statements", "5,000 values", "variables everywhere"])
def test_whatever_the_bound_it_is_kept(name: str, steps: int) -> None:
    """A smaller bound means less work, and an answer all the same: one that is certain, or none."""
    parsed = document.parse(HOSTILE[name]())
    answers: list[Verdict] = []

    calls = count_calls(lambda: answers.append(judge_policy(parsed, KEY, PERIMETER, steps=steps)))

    assert answers[0].outcome in (Outcome.UNDECIDED, Outcome.ESCAPES)
    assert calls < BEFORE_ANY_STEP + CALLS_A_STEP * steps


def test_reading_thousands_of_action_patterns_counts_against_the_bound() -> None:
    """Patterns with wildcards inside take their time, so they take steps; and past the bound nothing more is said."""
    actions = ["kms:" + "*?" * 20 + str(n) for n in range(2000)]
    text = policy(allow(Action=actions, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))

    verdict = judge(text, KEY, PERIMETER)

    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.advisories == ()


def test_what_cannot_be_searched_through_is_undecided() -> None:
    """A question past the bound is never answered with `enclosed`."""
    verdict = judge(HOSTILE["pigeons"](), KEY, PERIMETER)

    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.reason == "the search reached its bound before it had tried everything"


@pytest.mark.parametrize("listing", [None, "kms:EncryptionContextKeys"])
def test_what_many_members_of_a_map_let_through_is_found(listing: str | None) -> None:
    """Too many to try all combinations, and yet one of the plainest is a request that gets through."""
    verdict = judge(policy(*members(30, "kms:EncryptionContext:", listing)), KEY, PERIMETER)

    assert [escape.operation for escape in verdict.escapes] == ["kms:Decrypt"]
