"""Reading a key policy: what is refused, and at which place."""

from __future__ import annotations

import json

import pytest

from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy import document
from kms_perimeter.policy.jsontext import Place

STATEMENT = '{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"'

# What is wrong: the text, the path that is named, line and column, and a part of the message.
MALFORMED = {
    "not JSON": ("{nope}", "", (1, 2), "is not JSON"),
    "a trailing comma": ('{\n "Statement": [],\n}', "", (2, 17), "trailing comma"),
    "a trailing comma in an array": ('{"Statement": [1,]}', "", (1, 17), "trailing comma"),
    "no object": ("[]", "", (1, 1), "must be an object, not an array"),
    "a constant": ('{"Statement": NaN}', "", (1, 1), "`NaN` is not JSON"),
    "an unknown element": ('{"Statements": []}', "Statements", (1, 16), "unknown element `Statements`"),
    "an element in another case": ('{"statement": []}', "statement", (1, 15), "did you mean `Statement`?"),
    "no statement": ('{"Version": "2012-10-17"}', "", (1, 1), "has no `Statement`"),
    "an empty list of statements": ('{"Statement": []}', "Statement", (1, 15), "array of statements"),
    "another version": ('{"Version": "2020-01-01", "Statement": []}', "Version", (1, 13), "must be `2012-10-17`"),
    "a statement that is none": ('{"Statement": [1]}', "Statement[0]", (1, 16), "must be an object, not a number"),
    "an effect that is none": (
        '{"Statement": [{"Effect": "allow"}]}',
        "Statement[0].Effect",
        (1, 27),
        "`Allow` or `Deny`",
    ),
    "no principal": ('{"Statement": [{"Effect": "Deny"}]}', "Statement[0]", (1, 16), "has no `Principal`"),
    "a name as principal": (
        '{"Statement": [{"Effect": "Deny", "Principal": "me"}]}',
        "Statement[0].Principal",
        (1, 48),
        'must be `"*"` or an object',
    ),
    "no name in the principal": (
        '{"Statement": [{"Effect": "Deny", "Principal": {"AWS": []}}]}',
        "Statement[0].Principal",
        (1, 48),
        "names no principal",
    ),
    "an action and its opposite": (
        f'{{"Statement": [{STATEMENT}, "NotAction": "x"}}]}}',
        "Statement[0]",
        (1, 16),
        "has both `Action` and `NotAction`",
    ),
    "a number as action": (
        '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": ["a", 7]}]}',
        "Statement[0].Action[1]",
        (1, 69),
        "must be a string, not a number",
    ),
    "a condition that is a list": (
        f'{{"Statement": [{STATEMENT}, "Condition": []}}]}}',
        "Statement[0].Condition",
        (1, 103),
        "must be an object, not an array",
    ),
    "a value that is an object": (
        f'{{"Statement": [{STATEMENT}, "Condition": {{"Null": {{"aws:SourceVpc": {{}}}}}}}}]}}',
        "Statement[0].Condition.Null.aws:SourceVpc",
        (1, 130),
        "not an object",
    ),
    "a key twice": ('{"Version": "2012-10-17", "Version": "2012-10-17"}', "Version", (1, 38), "appears twice"),
}


@pytest.mark.parametrize("wrong", MALFORMED)
def test_says_what_is_wrong_and_where(wrong: str) -> None:
    """Each mistake is named with its path, line and column."""
    text, path, place, message = MALFORMED[wrong]

    with pytest.raises(MalformedPolicy) as caught:
        document.parse(text)

    assert (caught.value.path, (caught.value.line, caught.value.column)) == (path, place)
    assert message in str(caught.value)


def test_a_key_twice_is_refused_however_deep() -> None:
    """Which of two equal keys AWS would take is not documented, so neither is taken."""
    twice = f'{{"Statement": [{STATEMENT}, "Condition": {{"Bool": {{"a": "1", "a": "2"}}}}}}]}}'

    with pytest.raises(MalformedPolicy, match=r"Statement\[0\]\.Condition\.Bool\.a, line 1"):
        document.parse(twice)


def test_nesting_without_end_is_refused() -> None:
    """A text nested deeper than Python can follow is malformed, not a crash."""
    with pytest.raises(MalformedPolicy, match="nested too deeply"):
        document.parse("[" * 200_000)


def test_values_keep_the_text_that_they_were_written_in() -> None:
    """A number stays as written, and a boolean becomes the word that IAM compares."""
    condition = '{"NumericEquals": {"aws:MultiFactorAuthAge": 1.50}, "Bool": {"aws:SecureTransport": [true, "false"]}}'

    read = document.parse(f'{{"Statement": {STATEMENT}, "Condition": {condition}}}}}')

    assert [c.values for c in read.statements[0].conditions] == [("1.50",), ("true", "false")]


def test_a_statement_alone_needs_no_array() -> None:
    """A single statement may stand without its array, and has the index 0."""
    read = document.parse(f'{{"Statement": {STATEMENT}}}}}')

    assert [s.ref.index for s in read.statements] == [0]


@pytest.mark.parametrize("missing", ["Action", "Resource"])
def test_a_statement_without_action_or_resource_has_no_effect(missing: str) -> None:
    """AWS KMS accepts such a statement, and it does nothing."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    del statement[missing]

    read = document.parse(json.dumps({"Statement": [statement]}))

    assert read.statements[0].void


def test_the_account_of_a_policy_is_the_one_that_most_statements_leave_it_to() -> None:
    """Of several accounts, the one named as a whole most often; None where no principal has an account."""
    ours, partner = "arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:role/x"

    def account(*principals: str) -> str | None:
        statements = [
            {"Effect": "Allow", "Principal": {"AWS": p}, "Action": "kms:*", "Resource": "*"} for p in principals
        ]
        return document.account_of(document.parse(json.dumps({"Statement": statements})))

    assert account(partner, partner, ours) == "111122223333"
    assert account(partner) == "444455556666"
    assert account("*") is None


def test_statements_are_found_in_the_text() -> None:
    """The line and column of each statement, for messages and for code scanning."""
    text = f'{{"Statement": [\n  {STATEMENT}}},\n  {STATEMENT}}}\n]}}'

    assert document.positions(text) == [Place(2, 3), Place(3, 3)]
