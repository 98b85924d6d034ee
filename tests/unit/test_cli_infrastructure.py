"""`check` on CloudFormation and SAM templates and on Terraform plans, and SARIF that code scanning takes."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from tests.unit.command import OPEN, ROOT, TRAILING_COMMA, run

HERE = Path(__file__).parent
TEMPLATE = str(HERE / "infrastructure" / "template.yaml")
PLAN = str(HERE / "infrastructure" / "plan.json")
PERIMETER = ("--perimeter", str(ROOT / "docs" / "examples" / "perimeter.json"))
SCHEMA = json.loads((HERE / "sarif" / "sarif-2.1.0-rtm.5.schema.json").read_text())


def test_a_template_is_judged_key_by_key() -> None:
    """Each key of a template gets a verdict, with its logical ID and the line of its policy."""
    ran = run("check", TEMPLATE, *PERIMETER, "--format", "json")

    assert [(one["resource"], one["verdict"], one["key_usage"], one["line"]) for one in ran.json] == [
        ("Enclosed", "enclosed", "ENCRYPT_DECRYPT", 17),
        ("OpenToWorker", "escapes", "SIGN_VERIFY", 39),
        ("WithoutPolicy", "escapes", "ENCRYPT_DECRYPT", 47),
        ("OpenToAPartner", "undecided", "ENCRYPT_DECRYPT", 52),
        ("Imported", "undecided", "ENCRYPT_DECRYPT", 63),
    ]
    assert ran.status == 3


def test_intrinsic_functions_are_evaluated_for_the_account_that_is_meant() -> None:
    """A role of the template becomes a role of the account given by --account."""
    ran = run("check", TEMPLATE, *PERIMETER, "--format", "json", "--account", "444455556666", "--region", "eu-west-1")

    worker = next(one for one in ran.json if one["resource"] == "OpenToWorker")
    assert worker["escapes"][0]["request"]["principal"] == "arn:aws:iam::444455556666:role/stack-Worker-ABCDEFGHIJKL"


def test_what_is_known_only_after_the_deployment_is_undecided_and_says_so() -> None:
    """A parameter without a default and an import never make a verdict up."""
    reasons = {one["resource"]: one["reason"] for one in run("check", TEMPLATE, *PERIMETER, "--format", "json").json}

    assert reasons["OpenToAPartner"] == "it depends on what is known only at deployment: `Partner`"
    assert reasons["Imported"] == "it depends on what is known only at deployment: `!ImportValue actions`"


def test_a_plan_is_judged_key_by_key() -> None:
    """Policies of keys, of policy resources and of modules; AWS's default where none is written."""
    ran = run("check", PLAN, *PERIMETER, "--format", "json")

    assert [(one["resource"], one["verdict"], one["key_usage"]) for one in ran.json] == [
        ("aws_kms_key.open", "escapes", "ENCRYPT_DECRYPT"),
        ("aws_kms_key.defaulted", "escapes", "ENCRYPT_DECRYPT"),
        ("aws_kms_key.unknown[0]", "undecided", "ENCRYPT_DECRYPT"),
        ("aws_kms_key_policy.signing", "enclosed", "SIGN_VERIFY"),
        ("module.vault.aws_kms_key.broken", "malformed", "ENCRYPT_DECRYPT"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Resources: {Bucket: {Type: AWS::S3::Bucket}}\n",
        '{"format_version": "1.2", "planned_values": {"root_module": {}}}',
    ],
)
def test_a_file_without_a_key_is_no_failure(text: str, tmp_path: Path) -> None:
    """Nothing to judge is told in one line, with the exit status 0."""
    (tmp_path / "file").write_text(text)

    ran = run("check", str(tmp_path / "file"), *PERIMETER)

    assert (ran.status, ran.out) == (0, f"{tmp_path / 'file'}: no key policy in it\n")


def test_a_template_that_is_no_yaml_says_where(tmp_path: Path) -> None:
    """A mistake in the YAML is told with line and column, and exit status 2."""
    (tmp_path / "template.yaml").write_text("Resources:\n  Key: {Type: [}\n")

    ran = run("check", str(tmp_path / "template.yaml"), *PERIMETER)

    assert ran.status == 2
    assert "line 2, column 16: is not YAML" in ran.out


def test_conditions_that_are_not_known_yet_are_not_taken_for_texts(tmp_path: Path) -> None:
    """Without policy variables, `${…}` in a condition would be a text, and an `enclosed` made up."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceVpce": {"Ref": "Endpoint"}}},
    }
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [statement]}}}
    (tmp_path / "template.json").write_text(json.dumps({"Resources": {"Key": key}}))

    ran = run("check", str(tmp_path / "template.json"), *PERIMETER, "--format", "json")

    assert ran.json[0]["reason"] == "it depends on what is known only at deployment: `!Ref Endpoint`"


@pytest.mark.parametrize("files", [(OPEN,), (TRAILING_COMMA, OPEN), (TEMPLATE, PLAN)])
def test_sarif_is_what_the_published_schema_says(files: tuple[str, ...]) -> None:
    """The log is valid under the schema of SARIF 2.1.0, so that code-scanning tools take it."""
    log = run("check", *files, *PERIMETER, "--format", "sarif").json

    jsonschema.validate(log, SCHEMA)


def test_sarif_points_at_the_statement_in_the_template() -> None:
    """A result in a template stands at the statement that it is about."""
    log = run("check", TEMPLATE, *PERIMETER, "--format", "sarif").json

    found = {
        (result["ruleId"], result["locations"][0]["physicalLocation"]["region"]["startLine"])
        for result in log["runs"][0]["results"]
    }
    assert {("escapes", 42), ("escapes", 47), ("undecided", 52), ("breaks-integrated-services", 26)} <= found


def test_sarif_helps_the_reader_and_stays_the_same_wherever_the_checkout_is(tmp_path: Path) -> None:
    """Rules have help, places are relative, and a result keeps its fingerprint when the repository moves."""
    logs = []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        shutil.copy(TEMPLATE, tmp_path / folder)
        with contextlib.chdir(tmp_path / folder):
            file = str(tmp_path / folder / "template.yaml")
            logs.append(run("check", file, *PERIMETER, "--format", "sarif").json["runs"][0])

    (here, there) = logs
    assert here["results"] == there["results"]
    places = [result["locations"][0] for result in here["results"]]
    assert {place["physicalLocation"]["artifactLocation"]["uri"] for place in places} == {"template.yaml"}
    assert places[-1]["logicalLocations"] == [{"fullyQualifiedName": "Imported", "kind": "resource"}]
    assert all(rule["help"]["text"] and rule["helpUri"] for rule in here["tool"]["driver"]["rules"])


def test_keys_whose_policies_stand_apart_and_unknown_ones_are_told_apart(tmp_path: Path) -> None:
    """A plan that does not say to which key an `aws_kms_key_policy` belongs leaves keys without a policy undecided."""
    written = [
        {"address": "aws_kms_key.a", "type": "aws_kms_key", "expressions": {}},
        {"address": "aws_kms_key_policy.p", "type": "aws_kms_key_policy", "expressions": {"policy": {}}},
    ]
    planned = [
        {"address": "aws_kms_key.a", "type": "aws_kms_key", "values": {"key_usage": "SIGN_VERIFY"}},
        {"address": "aws_kms_key_policy.p", "type": "aws_kms_key_policy", "values": {}},
    ]
    plan = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": planned}},
        "configuration": {"root_module": {"resources": written}},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))

    ran = run("check", str(tmp_path / "plan.json"), *PERIMETER, "--format", "json")

    assert [(one["resource"], one["verdict"], one["line"]) for one in ran.json] == [
        ("aws_kms_key.a", "undecided", None),
        ("aws_kms_key_policy.p", "undecided", None),
    ]
