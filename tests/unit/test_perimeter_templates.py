"""Templates in a perimeter file: what is refused when it is loaded, and with which place."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from kms_perimeter.cli import yaml_text
from kms_perimeter.errors import MalformedPerimeter
from kms_perimeter.perimeter import load
from tests.unit.test_perimeter import SCHEMA

ALLOW: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": "${kms-perimeter:account}"}, "Action": "kms:*"}
VPCE = "${kms-perimeter:vpc_endpoints:use}"


def a_file(statement: dict[str, Any], **members: object) -> dict[str, Any]:
    """A file whose one perimeter names a template with this statement."""
    rule = {"name": "use", "operations": ["cryptographic"], "vpc_endpoints": ["vpce-1a2b3c4d"]}
    perimeter = {"name": "p", "rules": [rule], "strategy": "template", "template": "own"} | members
    template = {"Version": "2012-10-17", "Statement": [{"Resource": "*"} | statement]}
    return {"version": 1, "perimeters": [perimeter], "templates": {"own": template}}


def condition(value: object) -> dict[str, Any]:
    """A statement with this value of `aws:SourceVpce`."""
    return ALLOW | {"Condition": {"StringEquals": {"aws:SourceVpce": value}}}


IN_PRINCIPAL = "templates.own.Statement[0].Principal.AWS"
RULES = [{"name": "use", "operations": ["cryptographic"], "vpc_endpoints": ["vpce-1a2b3c4d"]}]
IN_CONDITION = "templates.own.Statement[0].Condition.StringEquals.aws:SourceVpce"
REFUSED = {
    "an unknown placeholder": (
        a_file(ALLOW | {"Principal": {"AWS": "${kms-perimeter:acount}"}}),
        f"{IN_PRINCIPAL}: `${{kms-perimeter:acount}}` is no placeholder; did you mean `account`?",
    ),
    "a rule that is not there": (
        a_file(condition(["x", "${kms-perimeter:vpc_endpoints:usage}"])),
        f"{IN_CONDITION}[1]: `${{kms-perimeter:vpc_endpoints:usage}}` stands for nothing in the perimeter `p`",
    ),
    "networks that the rule does not have": (
        a_file(condition("${kms-perimeter:vpcs:use}")),
        f"{IN_CONDITION}: `${{kms-perimeter:vpcs:use}}` stands for nothing in the perimeter `p`",
    ),
    "break-glass principals that there are none of": (
        a_file(ALLOW | {"Principal": {"AWS": "${kms-perimeter:break_glass_principals}"}}),
        f"{IN_PRINCIPAL}: `${{kms-perimeter:break_glass_principals}}` stands for nothing in the perimeter `p`",
    ),
    "a list within a text": (
        a_file(condition(f"{VPCE},vpce-1")),
        f"{IN_CONDITION}: `{VPCE}` is a list, which must stand alone in its string",
    ),
    "a placeholder without an end": (
        a_file(condition("${kms-perimeter:account")),
        f"{IN_CONDITION}: a placeholder that starts with `${{kms-perimeter:` does not end",
    ),
    "operations elsewhere than in Action": (
        a_file(condition("${kms-perimeter:operations:use}")),
        f"{IN_CONDITION}: `${{kms-perimeter:operations:use}}` can stand in `Action` only",
    ),
    "a placeholder for a name": (
        a_file(ALLOW | {"${kms-perimeter:account}": "x"}),
        "templates.own.Statement[0].${kms-perimeter:account}: a placeholder cannot stand in the name of a member",
    ),
    "no key policy": (
        a_file({"Effect": "Permit", "Principal": "*"}),
        "templates.own.Statement[0].Effect: is no key policy: `Effect` must be `Allow` or `Deny`",
    ),
    "no object": (
        a_file(ALLOW) | {"templates": {"own": []}},
        "templates.own: must be an object, not a list",
    ),
    "an empty one": (
        a_file(ALLOW) | {"templates": {"own": {}}},
        "templates.own: is no key policy: has no `Statement`",
    ),
    "a name that is none": (
        a_file(ALLOW) | {"templates": {"own": {}, "ö": {}}},
        "templates.ö: `ö` is not a name (up to 64 letters, digits, spaces, `.`, `_`, `-`)",
    ),
    "a template that is not there": (
        a_file(ALLOW, template="onw"),
        "perimeters[0].template: no template is called `onw`; did you mean `own`?",
    ),
    "another strategy": (
        a_file(ALLOW, strategy="guard"),
        "perimeters[0].template: is of no use: the strategy is `guard`, not `template`",
    ),
    "no strategy": (
        a_file(ALLOW) | {"perimeters": [{"name": "p", "template": "own", "rules": RULES}]},
        "perimeters[0].template: is of no use: the strategy is `guard`, not `template`",
    ),
}


@pytest.mark.parametrize(("document", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_become_a_policy_is_refused_with_its_place(document: dict[str, Any], said: str) -> None:
    """Before any key has to be fixed with it."""
    with pytest.raises(MalformedPerimeter) as caught:
        load(json.dumps(document))

    assert f"{caught.value.path}: {caught.value.message}" == said
    assert caught.value.line == 1


def test_a_template_that_nobody_names_is_looked_at_too() -> None:
    """Nothing in a file is skipped; what depends on a perimeter waits for one."""
    unnamed = a_file(condition("${kms-perimeter:vpcs:any rule}"))
    unnamed["perimeters"][0] |= {"strategy": "guard"}
    del unnamed["perimeters"][0]["template"]

    (template,) = load(json.dumps(unnamed)).templates

    assert template.name == "own"
    unnamed["templates"]["own"]["Id"] = "${kms-perimeter:nothing}"
    with pytest.raises(MalformedPerimeter, match=r"templates\.own\.Id"):
        load(json.dumps(unnamed))


def test_policy_variables_are_left_to_aws() -> None:
    """`${aws:…}` and `${*}` are no placeholders of ours."""
    document = a_file(condition([VPCE, "${aws:PrincipalTag/vpce}", "${*}"]))

    (perimeter,) = load(json.dumps(document)).perimeters

    assert perimeter.template
    assert "${aws:PrincipalTag/vpce}" in perimeter.template.text


def test_yaml_says_the_same_with_its_own_places() -> None:
    """Line and column are those of the YAML."""
    text = """\
version: 1
perimeters:
  - name: p
    rules: [{name: use, operations: [cryptographic], vpcs: [vpc-2b2b2b2b]}]
    strategy: template
    template: own
alert_only_tags: {ManagedBy: terraform, aws:cloudformation:stack-name: "*"}
templates:
  own:
    Version: 2012-10-17
    Statement:
      Effect: Allow
      Principal: {AWS: "${kms-perimeter:account}"}
      Action: "${kms-perimeter:operations:use}"
      Resource: "*"
      Condition: {StringEquals: {aws:SourceVpc: "${kms-perimeter:vpcs:use}"}, Bool: {aws:ViaAWSService: false}}
"""
    good = yaml_text.load(text)

    assert json.loads(good.templates[0].text)["Version"] == "2012-10-17"
    assert good.alert_only_tags == (("ManagedBy", "terraform"), ("aws:cloudformation:stack-name", "*"))
    with pytest.raises(MalformedPerimeter, match=r"templates.own.Statement.Condition.*, line 16, column 49: "):
        yaml_text.load(text.replace("vpcs:use}", "vpc_endpoints:use}"))


@pytest.mark.parametrize("name", ["no object", "a name that is none"])
def test_the_schema_refuses_what_is_no_template(name: str) -> None:
    """An editor sees the form; the rest takes the service's own reading."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(REFUSED[name][0], SCHEMA)
