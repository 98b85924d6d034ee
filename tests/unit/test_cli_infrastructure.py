"""`check` on CloudFormation and SAM templates and on Terraform plans, and SARIF that code scanning takes."""

from __future__ import annotations

import json
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
        ("Enclosed", "enclosed", "ENCRYPT_DECRYPT", 20),
        ("OpenToWorker", "escapes", "SIGN_VERIFY", 42),
        ("WithoutPolicy", "escapes", "ENCRYPT_DECRYPT", 48),
        ("OpenToAPartner", "undecided", "ENCRYPT_DECRYPT", 55),
        ("Imported", "undecided", "ENCRYPT_DECRYPT", 66),
    ]
    assert ran.status == 3


def test_intrinsic_functions_are_evaluated_for_the_account_that_is_meant() -> None:
    """A role of the template becomes a role of the account given by --account."""
    ran = run("check", TEMPLATE, *PERIMETER, "--format", "json", "--account", "444455556666", "--region", "eu-west-1")

    worker = next(one for one in ran.json if one["resource"] == "OpenToWorker")
    assert worker["escapes"][0]["request"]["principal"] == "arn:aws:iam::444455556666:role/Worker"


def test_what_is_known_only_after_the_deployment_is_undecided_and_says_so() -> None:
    """A parameter without a default and an import never make a verdict up."""
    reasons = {one["resource"]: one["reason"] for one in run("check", TEMPLATE, *PERIMETER, "--format", "json").json}

    assert "whether its principals include" in reasons["OpenToAPartner"]
    assert reasons["Imported"] == "`Statement[0].Action` is known only after the deployment"


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
    ("text", "said"),
    [
        ("Resources: {Bucket: {Type: AWS::S3::Bucket}}\n", "no key policy in what was given"),
        ('{"planned_values": {"root_module": {}}}', "no key policy in what was given"),
    ],
)
def test_a_file_without_a_key_is_no_failure(text: str, said: str, tmp_path: Path) -> None:
    """Nothing to judge is told in one line, with the exit status 0."""
    (tmp_path / "file").write_text(text)

    ran = run("check", str(tmp_path / "file"), *PERIMETER)

    assert (ran.status, ran.out.strip()) == (0, said)


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

    assert ran.json[0]["reason"] == "`Statement[0].Condition` is known only after the deployment"


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
    assert {("escapes", 42), ("escapes", 48), ("undecided", 55), ("breaks-integrated-services", 26)} <= found
