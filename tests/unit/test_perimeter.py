"""The perimeter file: what it can say, what it must not, and which perimeter a key is under."""

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kms_perimeter import perimeter
from kms_perimeter.errors import MalformedPerimeter
from kms_perimeter.perimeter import (
    AppliesTo,
    Mode,
    Perimeter,
    PerimeterFile,
    PolicyException,
    Rule,
    ServiceTrust,
    Strategy,
    Template,
    load,
)
from kms_perimeter.policy.key import Key

CASES = Path(__file__).parents[1] / "cases" / "perimeters"
REFUSED = json.loads((CASES / "refused.json").read_text())
EVERY_MEMBER = (CASES / "every_member.json").read_text()
SCHEMA = json.loads((Path(perimeter.__file__).parents[1] / "perimeter.schema.json").read_text())
OURS = "111122223333"
NAME_TWICE = "perimeters[0].name, line 2, column 39: given twice"
RULE_IS_A_NUMBER = "perimeters[0].rules[0], line 4, column 4: must be an object, not a number"
KEY = f"arn:aws:kms:us-east-1:{OURS}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ENDPOINT = "vpce-1234abcdf5678c90a"
USE: dict[str, Any] = {"name": "use", "operations": ["cryptographic"], "vpc_endpoints": [ENDPOINT]}
EXCEPTION = {"key": KEY, "reason": "moves in January", "owner": "team-x", "expires": "2027-01-31"}


def a_file(*perimeters: dict[str, Any], **members: object) -> dict[str, Any]:
    """A perimeter file of these perimeters, or of one simple one."""
    return {"version": 1, "perimeters": list(perimeters) or [a_perimeter()]} | members


def a_perimeter(**members: object) -> dict[str, Any]:
    """A perimeter with these members, otherwise simple."""
    return {"name": "default", "rules": [USE]} | members


def a_rule(**members: object) -> dict[str, Any]:
    """A file whose one rule has these members, otherwise simple."""
    return a_file(a_perimeter(rules=[USE | members]))


PAYMENTS = Template("payments", json.dumps(json.loads(EVERY_MEMBER)["templates"]["payments"]))
A_PATTERN = a_file(a_perimeter(break_glass_principals=["arn:aws:iam::111122223333:role/emergency/Break*"]))


def refusal(document: object) -> str:
    """What is said of the document, without line and column."""
    with pytest.raises(MalformedPerimeter) as caught:
        load(json.dumps(document))
    return f"{caught.value.path}: {caught.value.message}".removeprefix(": ")


def a_key(**known: Any) -> Key:  # noqa: ANN401
    """Our key, with what is known of it."""
    return Key(account=OURS, region="us-east-1", key_id=KEY.rsplit("/", 1)[1], **known)


def test_reads_every_member() -> None:
    """Each member of the file arrives where the model has it."""
    production = Perimeter(
        name="production",
        rules=(
            Rule(
                "use",
                ("cryptographic", "kms:CreateGrant"),
                (ENDPOINT, "vpce-1a2b3c4d"),
                ("vpc-12345678",),
                (OURS,),
                ("o-a1b2c3d4e5",),
            ),
            Rule("administration", ("administrative", "kms:*Grant"), vpcs=("vpc-2b2b2b2b",)),
        ),
        applies_to=AppliesTo((("Environment", "prod*"),), ("alias/prod-*",), ("arn:aws:kms:*:111122223333:key/*",)),
        aws_services=ServiceTrust.DENIED,
        trusted_accounts=("444455556666",),
        break_glass_principals=("arn:aws:iam::111122223333:role/emergency/BreakGlass",),
        mode=Mode.ENFORCE,
        strategy=Strategy.TEMPLATE,
        template=PAYMENTS,
        fix_keys_with_service_grants=True,
    )
    default = Perimeter("default", (Rule("use", ("cryptographic",), vpcs=("vpc-2b2b2b2b",)),))
    exception = PolicyException(KEY, "moves to the new VPC in January", "team-x", date(2027, 1, 31))

    tags = (("ManagedBy", "terraform*"),)
    assert load(EVERY_MEMBER) == PerimeterFile((production, default), (exception,), tags, (PAYMENTS,))


def test_what_is_left_out_is_cautious() -> None:
    """A perimeter that says no more than it must only alerts, and trusts AWS services."""
    (read,) = load(json.dumps(a_file())).perimeters

    assert read == Perimeter("default", (Rule("use", ("cryptographic",), (ENDPOINT,)),))
    assert (read.mode, read.strategy, read.aws_services) == (Mode.ALERT, Strategy.GUARD, ServiceTrust.TRUSTED)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["said"])
def test_refuses_what_makes_no_sense(case: dict[str, Any]) -> None:
    """Whatever is wrong is refused with its place, and a near miss with what was probably meant."""
    assert refusal(case["document"]) == case["said"]


@pytest.mark.parametrize("case", [case for case in REFUSED if case["by_schema"]], ids=lambda case: case["said"])
def test_the_schema_refuses_the_same(case: dict[str, Any]) -> None:
    """An editor with the schema underlines what loading refuses, but for what compares places or asks a list."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(case["document"], SCHEMA)


@pytest.mark.parametrize(
    "document", [a_file(), json.loads(EVERY_MEMBER), a_rule(operations=["kms:sign", "*"]), A_PATTERN]
)
def test_the_schema_accepts_the_same(document: object) -> None:
    """What loads is underlined by no editor."""
    load(json.dumps(document))

    jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize(
    ("model", "part"),
    [(Perimeter, "perimeter"), (Rule, "rule"), (PolicyException, "exception"), (AppliesTo, None)],
)
def test_the_schema_has_the_members_of_the_model(model: type[Any], part: str | None) -> None:
    """No member is in the schema and not in the model, or the other way round."""
    parts = SCHEMA["$defs"]
    described = parts[part] if part else parts["perimeter"]["properties"]["applies_to"]

    assert set(described["properties"]) == {field.name for field in fields(model)}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just(ENDPOINT),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["name", "rules", "perimeters", "mode", "vpcs", "version"]), inner)
        ),
        max_leaves=8,
    )
)
def test_refuses_or_reads_and_nothing_else(document: object) -> None:
    """Any JSON at all either loads or is refused as a malformed perimeter."""
    try:
        read = load(json.dumps(document))
    except MalformedPerimeter:
        return

    assert isinstance(read, PerimeterFile)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: not JSON: expecting value"),
        ('{"version": 1\n "perimeters": []}', "line 2, column 2: not JSON: expecting ',' delimiter"),
        ('{"version": NaN}', "`NaN` is not JSON"),
        ("[" * 100_000, "nested too deep to be read"),
        ('{"version": 1,\n "version": 1, "perimeters": []}', "version, line 2, column 13: given twice"),
        ('{"version": 1,\n "perimeters": [{"name": "a", "name": "a"}]}', NAME_TWICE),
        ('{"version": 1,\n "perimeters": [\n  {"name": "a", "rules": [\n   5]}]}', RULE_IS_A_NUMBER),
    ],
    ids=["empty", "comma", "nan", "deep", "twice", "twice-inside", "place"],
)
def test_names_line_and_column(text: str, said: str) -> None:
    """Every refusal says where in the text it stands."""
    with pytest.raises(MalformedPerimeter) as caught:
        load(text)

    assert str(caught.value) == said


def test_a_number_without_end_is_refused() -> None:
    """A number of more digits than Python converts is refused like anything else that is no version."""
    with pytest.raises(MalformedPerimeter, match="not usable as JSON"):
        load('{"version": ' + "9" * 5000 + "}")


@pytest.mark.parametrize(
    ("applies_to", "key", "holds"),
    [
        ({"tags": {"Environment": "prod*"}}, a_key(tags={"Environment": "production", "Team": "x"}), True),
        ({"tags": {"Environment": "prod*"}}, a_key(tags={"environment": "production"}), False),
        ({"tags": {"Environment": "*", "Team": "x"}}, a_key(tags={"Environment": "production"}), False),
        ({"tags": {"Environment": ""}}, a_key(tags={"Environment": ""}), True),
        ({"tags": {"Environment": "prod*"}}, a_key(tags=None), None),
        ({"aliases": ["alias/prod-*"]}, a_key(aliases=("alias/x", "alias/prod-orders")), True),
        ({"aliases": ["alias/prod-*"]}, a_key(aliases=()), False),
        ({"aliases": ["alias/prod-*"]}, a_key(), None),
        ({"keys": ["arn:aws:kms:*:111122223333:key/*"]}, a_key(), True),
        ({"keys": ["arn:aws:kms:*:444455556666:key/*"]}, a_key(), False),
        ({"keys": ["arn:aws:kms:*:111122223333:key/*"]}, Key(), None),
        ({"keys": ["arn:aws:kms:*:444455556666:key/*"], "tags": {"Team": "x"}}, a_key(), False),
        ({"keys": ["arn:aws:kms:*:111122223333:key/*"], "tags": {"Team": "x"}}, a_key(), None),
    ],
)
def test_tells_whether_a_perimeter_is_for_a_key(applies_to: dict[str, Any], key: Key, *, holds: bool | None) -> None:
    """Every part must match; where something needed is not known, neither is the answer."""
    (read,) = load(json.dumps(a_file(a_perimeter(applies_to=applies_to)))).perimeters

    assert read.holds_for(key) is holds


def test_the_first_perimeter_that_applies_counts() -> None:
    """Production keys are under their own perimeter, all others under the default."""
    file = load(EVERY_MEMBER)
    production = a_key(tags={"Environment": "production"}, aliases=("alias/prod-orders",))

    assert [p.name for p in map(file.perimeter_for, [production, a_key(tags={}, aliases=())]) if p] == [
        "production",
        "default",
    ]


def test_a_key_can_be_under_no_perimeter() -> None:
    """Where none applies there is nothing to keep."""
    file = load(json.dumps(a_file(a_perimeter(applies_to={"tags": {"Team": "x"}}))))

    assert file.perimeter_for(a_key(tags={})) is None


@pytest.mark.parametrize(
    ("applies_to", "needs"),
    [({"tags": {"Team": "x"}}, (True, False)), ({"aliases": ["alias/*"]}, (False, True)), (None, (False, False))],
)
def test_tells_what_must_be_read_of_a_key(applies_to: dict[str, Any] | None, needs: tuple[bool, bool]) -> None:
    """Tags and aliases cost a call each, so they are read only where a perimeter asks for them."""
    members = {"applies_to": applies_to} if applies_to else {}
    file = load(json.dumps(a_file(a_perimeter(**members))))

    assert (file.needs_tags, file.needs_aliases) == needs


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({"ManagedBy": "terraform-cloud", "Team": "x"}, ("ManagedBy", "terraform-cloud")),
        ({"aws:cloudformation:stack-name": "payments"}, ("aws:cloudformation:stack-name", "payments")),
        ({"ManagedBy": "hand"}, None),
        ({"managedby": "terraform"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_tag_makes_a_key_alert_only(tags: dict[str, str] | None, found: tuple[str, str] | None) -> None:
    """One matching tag is enough, and it is told which; tag names are case-sensitive."""
    wanted = {"ManagedBy": "terraform*", "aws:cloudformation:stack-name": "*"}
    file = load(json.dumps(a_file(alert_only_tags=wanted)))

    assert file.alert_only(a_key(tags=tags)) == found
    assert file.needs_tags


@pytest.mark.parametrize(("today", "holds"), [(date(2027, 1, 31), True), (date(2027, 2, 1), False)])
def test_an_exception_ends_with_its_day(today: date, *, holds: bool) -> None:
    """An exception still holds on its last day and is none after it."""
    file = load(json.dumps(a_file(exceptions=[EXCEPTION])))

    assert (file.exception_for(KEY, today) is not None) is holds
    assert file.exception_for(KEY.replace("1234abcd", "00000000"), today) is None


@pytest.mark.parametrize(("until", "counts"), [("2027-01-30", False), ("2027-01-31", False), ("2027-02-01", True)])
def test_of_two_exceptions_the_longer_one_counts(until: str, *, counts: bool) -> None:
    """One that a person has registered may go beyond that of the file, and cannot cut it short."""
    file, today = load(json.dumps(a_file(exceptions=[EXCEPTION]))), date(2027, 1, 15)
    registered = PolicyException(KEY, "the migration", "team-y", date.fromisoformat(until))

    assert file.exception_for(KEY, today, registered) == (registered if counts else file.exceptions[0])


def test_a_registered_exception_ends_as_well() -> None:
    """After its last day it is none, and the file has none to take its place."""
    registered = PolicyException(KEY, "the migration", "team-y", date(2027, 1, 31))
    file = load(json.dumps(a_file()))

    assert file.exception_for(KEY, date(2027, 1, 31), registered) is registered
    assert file.exception_for(KEY, date(2027, 2, 1), registered) is None


def test_the_simple_deployment_needs_no_file() -> None:
    """Endpoints, VPCs and a mode make a perimeter for the use of every key."""
    file = perimeter.simple([ENDPOINT], ["vpc-12345678"], Mode.ENFORCE)

    rule = Rule("use", ("cryptographic",), (ENDPOINT,), ("vpc-12345678",))
    assert file == PerimeterFile((Perimeter("default", (rule,), mode=Mode.ENFORCE),))


@pytest.mark.parametrize("make", [lambda: perimeter.simple([], []), lambda: perimeter.simple(["vpce-x"], [])])
def test_the_simple_deployment_is_validated_too(make: Callable[[], PerimeterFile]) -> None:
    """Parameters that name no network, or none that can exist, are refused like a file that does."""
    with pytest.raises(MalformedPerimeter):
        make()
