"""Reading key policies: what is malformed says where, and what is read keeps what it means."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy import document
from kms_perimeter.policy.document import Element
from tests.unit.policy.given import OURS, PARTNER, STRANGER, a_policy, a_statement

PRETTY = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": "*",
      "Action": "kms:*",
      "Resource": "*"
    }
  ]
}"""


def fault(text: str) -> MalformedPolicy:
    """What is wrong with a text."""
    with pytest.raises(MalformedPolicy) as caught:
        document.parse(text)
    return caught.value


def changed(old: str, new: str) -> str:
    """The pretty policy with one part of it put otherwise."""
    assert PRETTY.count(old) == 1
    return PRETTY.replace(old, new)


# What is put otherwise in the pretty policy, and where which fault is then found.
MALFORMED = {
    "a number as Version": ('"2012-10-17"', "2012", "Version", 2, 14, "must be `2012-10-17` or `2008-10-17`"),
    "an unknown Version": ('"2012-10-17"', '"2020-01-01"', "Version", 2, 14, "must be `2012-10-17` or `2008-10-17`"),
    "null as Version": ('"2012-10-17"', "null", "Version", 2, 14, "must be `2012-10-17` or `2008-10-17`"),
    "an Id that is no string": (
        '"Version": "2012-10-17"', '"Id": [1]', "Id", 2, 9, "must be a string, not an array"),
    "an unknown element at the top": (
        '"Version": "2012-10-17"', '"Owner": "me"', "Owner", 2, 12, "unknown element `Owner`"),
    "a misspelt element": (
        '"Action"', '"action"', "Statement[0].action", 7, 17, "unknown element `action`; did you mean `Action`?"),
    "an Effect of its own": (
        '"Allow"', '"allow"', "Statement[0].Effect", 5, 17, "`Effect` must be `Allow` or `Deny`"),
    "an Effect that is a list": (
        '"Allow"', '["Allow"]', "Statement[0].Effect", 5, 17, "`Effect` must be `Allow` or `Deny`"),
    "no Effect": ('"Effect": "Allow"', '"Sid": "x"', "Statement[0]", 4, 5, "`Effect` must be `Allow` or `Deny`"),
    "a Sid that is no string": (
        '"Effect": "Allow"', '"Sid": 7, "Effect": "Allow"', "Statement[0].Sid", 5, 14,
        "must be a string, not a number"),
    "no Principal": ('"Principal": "*"', '"Sid": "x"', "Statement[0]", 4, 5, "has no `Principal`"),
    "a bare account as Principal": (
        '"Principal": "*"', f'"Principal": "{OURS}"', "Statement[0].Principal", 6, 20,
        'must be `"*"` or an object such as `{"AWS": "111122223333"}`'),
    "a number as Principal": (
        '"Principal": "*"', f'"Principal": {OURS}', "Statement[0].Principal", 6, 20,
        "must be an object, not a number"),
    "a number in Principal": (
        '"Principal": "*"', f'"Principal": {{"AWS": {OURS}}}', "Statement[0].Principal.AWS", 6, 28,
        "must be a string, not a number"),
    "an unknown kind of Principal": (
        '"Principal": "*"', '"Principal": {"aws": "*"}', "Statement[0].Principal.aws", 6, 28,
        "unknown element `aws`; did you mean `AWS`?"),
    "an empty Principal": (
        '"Principal": "*"', '"Principal": {"AWS": []}', "Statement[0].Principal", 6, 20, "names no principal"),
    "Principal and NotPrincipal": (
        '"Principal": "*"', '"Principal": "*", "NotPrincipal": "*"', "Statement[0]", 4, 5,
        "has both `Principal` and `NotPrincipal`"),
    "Action and NotAction": (
        '"Action": "kms:*"', '"Action": "*", "NotAction": "*"', "Statement[0]", 4, 5,
        "has both `Action` and `NotAction`"),
    "an empty NotAction": (
        '"Action": "kms:*"', '"NotAction": []', "Statement[0].NotAction", 7, 20, "is empty"),
    "a boolean among the actions": (
        '"kms:*"', '["kms:Sign", true]', "Statement[0].Action[1]", 7, 30, "must be a string, not a boolean"),
    "an object as Resource": (
        '"Resource": "*"', '"Resource": {}', "Statement[0].Resource", 8, 19, "must be a string, not an object"),
    "a list as Condition": (
        '"Resource": "*"', '"Condition": []', "Statement[0].Condition", 8, 20, "must be an object, not an array"),
    "an operator without keys": (
        '"Resource": "*"', '"Condition": {"Bool": "true"}', "Statement[0].Condition.Bool", 8, 29,
        "must be an object, not a string"),
    "null as a value": (
        '"Resource": "*"', '"Condition": {"Bool": {"aws:x": null}}', "Statement[0].Condition.Bool.aws:x", 8, 39,
        "must be a string, a number or a boolean, not null"),
    "an object as a value": (
        '"Resource": "*"', '"Condition": {"Bool": {"aws:x": {}}}', "Statement[0].Condition.Bool.aws:x", 8, 39,
        "must be a string, a number or a boolean, not an object"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "line", "column", "message"), MALFORMED.values(), ids=MALFORMED)
def test_says_where_it_is_malformed(old: str, new: str, path: str, line: int, column: int, message: str) -> None:  # noqa: PLR0913
    """Each kind of fault is told with its path, its line and its column."""
    found = fault(changed(old, new))

    assert (found.path, found.line, found.column, found.message) == (path, line, column, message)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "is not JSON: expecting value"),
        ("{", 1, 2, "is not JSON: expecting property name enclosed in double quotes"),
        (changed('"Resource": "*"', '"Resource": "*",'), 8, 22, "is not JSON: trailing comma"),
        (changed('"*"\n    }', '"*"\n    },'), 9, 6, "is not JSON: trailing comma"),
        (PRETTY + "x", 12, 2, "is not JSON: extra data"),
        (changed('"Allow",', '"Allow"'), 6, 7, "is not JSON: expecting ',' delimiter"),
    ],
    ids=["nothing", "an open brace", "a comma in an object", "a comma in a list", "more after it", "no comma"],
)
def test_says_where_it_is_no_json(text: str, line: int, column: int, message: str) -> None:
    """A text that is not JSON is told with line and column."""
    found = fault(text)

    assert (found.line, found.column, found.message) == (line, column, message)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_takes_no_numbers_that_json_has_not(name: str) -> None:
    """What Python alone takes for a number is refused."""
    text = a_policy(a_statement(Condition={"NumericEquals": {"aws:MultiFactorAuthAge": "@"}})).replace('"@"', name)

    assert fault(text).message == f"`{name}` is not JSON"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "must be an object, not an array"),
        ('"x"', "must be an object, not a string"),
        ("7", "must be an object, not a number"),
        ("null", "must be an object, not null"),
        ("{}", "has no `Statement`"),
    ],
)
def test_a_document_is_an_object_with_statements(text: str, message: str) -> None:
    """Any other JSON is malformed as a whole."""
    assert (fault(text).path, fault(text).message) == ("", message)


@pytest.mark.parametrize("statement", ["[]", '"x"', "true"])
def test_a_policy_has_a_statement(statement: str) -> None:
    """An empty list, or something that is no list, is malformed."""
    found = fault(f'{{"Statement": {statement}}}')

    assert (found.path, found.message) == ("Statement", "must be a statement or an array of statements")


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('"Version": "2012-10-17"', '"Version": "2012-10-17", "Version": "2008-10-17"', "Version"),
        ('"Effect": "Allow"', '"Effect": "Allow", "Effect": "Deny"', "Statement[0].Effect"),
        ('"*",\n      "Action"', '{"AWS": "*", "AWS": "*"},\n      "Action"', "Statement[0].Principal.AWS"),
        ('"Resource": "*"', '"Condition": {"Bool": {}, "Bool": {}}', "Statement[0].Condition.Bool"),
        ('"Resource": "*"', '"Condition": {"Bool": {"a": "", "a": ""}}', "Statement[0].Condition.Bool.a"),
    ],
    ids=["top", "statement", "principal", "operators", "keys"],
)
def test_a_key_may_not_appear_twice(old: str, new: str, path: str) -> None:
    """Which of the two AWS would take is not documented, so at any depth neither is taken."""
    found = fault(changed(old, new))

    assert (found.path, found.message) == (path, f"the key `{path.rpartition('.')[2]}` appears twice")


def test_a_key_may_appear_twice_in_another_case() -> None:
    """Condition keys differ only in JSON's eyes; both conditions count."""
    condition = {"StringEquals": {"aws:SourceVpce": "a", "aws:sourcevpce": "b"}}

    [statement] = document.parse(a_policy(a_statement(Condition=condition))).statements

    assert [(c.key, c.spelling) for c in statement.conditions] == [
        ("aws:sourcevpce", "aws:SourceVpce"),
        ("aws:sourcevpce", "aws:sourcevpce"),
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [("1.0", "1.0"), ("1e2", "1e2"), ("-0", "-0"), ("9" * 5000, "9" * 5000), ("true", "true"), ("false", "false")],
    ids=["a fraction", "an exponent", "a negative zero", "a long number", "true", "false"],
)
def test_values_are_kept_as_they_are_written(written: str, read: str) -> None:
    """A number is text, since operators compare `1.0` and `1` differently; a boolean is its word."""
    text = a_policy(a_statement(Condition={"StringEquals": {"aws:x": "@"}})).replace('"@"', written)

    [statement] = document.parse(text).statements

    assert statement.conditions[0].values == (read,)


def test_a_single_statement_need_not_be_in_a_list() -> None:
    """A statement object stands for a list of one, and its faults are told by its own path."""
    alone = document.parse(json.dumps({"Statement": a_statement()}))

    assert alone == document.parse(a_policy(a_statement(), version=None))
    assert fault('{"Statement": {"Effect": "Allow"}}').path == "Statement"


@pytest.mark.parametrize(
    ("members", "void"),
    [
        ({}, False),
        ({"Action": None}, True),
        ({"Resource": None}, True),
        ({"Action": []}, True),
        ({"Resource": []}, True),
        ({"Action": None, "NotAction": "kms:Sign"}, False),
    ],
    ids=["whole", "no action", "no resource", "empty action", "empty resource", "NotAction"],
)
def test_a_statement_without_action_or_resource_is_void(members: dict[str, Any], void: bool) -> None:  # noqa: FBT001
    """AWS KMS takes it and gives it no effect, so it is well-formed and void."""
    [statement] = document.parse(a_policy(a_statement(**members))).statements

    assert statement.void is void


def test_one_text_and_a_list_of_one_are_the_same() -> None:
    """`"x"` and `["x"]` say the same."""
    [statement] = document.parse(a_policy(a_statement(Action=["kms:Sign"]))).statements

    assert statement.action == Element(("kms:Sign",), negated=False)
    assert document.parse(a_policy(a_statement(Action="kms:Sign"))).statements == (statement,)


@pytest.mark.parametrize(("version", "has"), [("2012-10-17", True), ("2008-10-17", False), (None, False)])
def test_only_one_version_has_variables(version: str | None, has: bool) -> None:  # noqa: FBT001
    """`${…}` is a variable in the newer version only, and no version means the older one."""
    assert document.parse(a_policy(a_statement(), version=version)).has_variables is has


def whole(account: str) -> dict[str, str]:
    """An account as principal."""
    return {"AWS": f"arn:aws:iam::{account}:root"}


def role(account: str) -> dict[str, str]:
    """A role of that account as principal."""
    return {"AWS": f"arn:aws:iam::{account}:role/x"}


@pytest.mark.parametrize(
    ("principals", "account"),
    [
        ([whole(OURS)], OURS),
        ([role(PARTNER), whole(OURS)], OURS),
        ([role(PARTNER), role(PARTNER), whole(OURS)], OURS),
        ([whole(PARTNER), whole(OURS), role(OURS)], OURS),
        ([role(STRANGER), role(OURS)], STRANGER),
        (["*", {"Service": "logs.us-east-1.amazonaws.com"}], None),
        ([{"AWS": "AROAIOSFODNN7EXAMPLE"}], None),
    ],
    ids=["whole", "whole before role", "whole before many", "named often", "first", "nobody", "deleted"],
)
def test_finds_the_account_that_the_principals_name(principals: list[Any], account: str | None) -> None:
    """The account named as a whole by most statements counts, then the one named most often, then the first."""
    policy = document.parse(a_policy(*(a_statement(Principal=p) for p in principals)))

    assert document.account_of(policy) == account


def test_tells_where_each_statement_starts() -> None:
    """Positions are those of the opening braces, one for each statement."""
    text = '{"Statement": [\n  {"Effect": "Allow"},\n\t{"Effect": "Deny"}, {"x": [{}]}]}'

    assert document.positions(text) == [(2, 3), (3, 2), (3, 21)]


def test_tells_where_a_single_statement_starts() -> None:
    """A statement object has a position too, and a policy without statements has none."""
    assert document.positions('{"Statement": {"Effect": "Allow"}}') == [(1, 15)]
    assert document.positions("{}") == []


def test_every_message_is_told_with_its_place() -> None:
    """The message of the error itself has path, line and column in front."""
    assert str(fault(changed('"Allow"', '"allow"'))) == (
        "Statement[0].Effect, line 5, column 17: `Effect` must be `Allow` or `Deny`"
    )
    assert re.fullmatch(r"line 1, column 1: is not JSON: .*", str(fault("")))
