"""Each alarm has its page in docs/operations, and what a page says to run can be run."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import botocore.session
import click
import pytest
from botocore import xform_name

from kms_perimeter.cli.main import COMMANDS, main
from local.embedded import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted((DOCS / "operations").glob("*.md"))
WITH_COMMANDS = [path for path in sorted(DOCS.rglob("*.md")) if "$ aws " in path.read_text()] + PAGES
NO_OPERATION = {("logs", "tail"), ("s3", "cp"), ("s3", "sync"), ("s3", "mb"), ("cloudformation", "deploy")}
"""What the AWS command line does by several calls."""
OF_THE_CLI = {"query", "output", "region", "profile", "since", "recursive", "exclude", "include", "no-cli-pager"}


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The properties of the alarms, by their logical IDs."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def commands(page: Path) -> Iterator[list[str]]:
    """The commands of a page's console blocks, each as a shell would take it apart."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if line.startswith("$ "):
                yield shlex.split(line[2:])


@cache
def model(service: str) -> Any:  # noqa: ANN401 - botocore has no types for it
    """The botocore model of a service."""
    return botocore.session.get_session().get_service_model(service)


def test_each_alarm_names_its_page(template: dict[str, Any], central: dict[str, Any]) -> None:
    """Whoever is woken by an alarm finds what to do; no page is about an alarm that there is not."""
    named = {
        name: re.findall(r"Runbook: docs/operations/([a-z-]+\.md)$", alarm["AlarmDescription"])
        for name, alarm in [*alarms(template).items(), *alarms(central).items()]
    }

    assert [name for name, pages in named.items() if len(pages) != 1] == []
    assert {page for pages in named.values() for page in pages} == {p.name for p in PAGES} - {"README.md"}


def test_each_alarm_tells_people_and_says_when_it_is_over(template: dict[str, Any]) -> None:
    """An alarm that goes nowhere is none."""
    for alarm in alarms(template).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "HealthTopic"}]


@pytest.mark.parametrize("page", [path for path in PAGES if path.name != "README.md"], ids=lambda path: path.stem)
def test_a_page_says_what_to_look_at_and_what_to_run(page: Path) -> None:
    """Somebody who has just woken up reads them all in the same order."""
    parts = re.findall(r"^\*\*([^*]+?)\.\*\*", page.read_text(), re.MULTILINE)

    assert [part for part in parts if part[0] == "W" or part[0] == "H"] == parts
    assert parts == ["What it means", "What to look at", "What to run", "How it ends"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_index_names_each_page(page: Path) -> None:
    """No page is lost."""
    assert page.name == "README.md" or f"({page.name})" in (DOCS / "operations" / "README.md").read_text()


@pytest.mark.parametrize("page", sorted(set(WITH_COMMANDS)), ids=lambda path: path.stem)
def test_commands_of_ours_exist(page: Path) -> None:
    """Each `kms-perimeter` command of a page exists and takes those options."""
    for program, *words in commands(page):
        if program == "kms-perimeter" and words[0] in COMMANDS:
            command = cast("click.Group", main).get_command(click.Context(main), words[0])
            known = {option for parameter in command.params for option in parameter.opts} if command else set()
            assert {word for word in words[1:] if word.startswith("--")} <= known, words
        else:
            assert program in ("aws", "sam", ".venvs/sam/bin/sam", "make", "git", "kms-perimeter"), program
            assert program != "kms-perimeter" or words[0] in COMMANDS, words


@pytest.mark.parametrize("page", sorted(set(WITH_COMMANDS)), ids=lambda path: path.stem)
def test_commands_of_aws_exist(page: Path) -> None:
    """Each `aws` command of a page is an operation of AWS and takes those parameters."""
    for program, *words in commands(page):
        if program != "aws" or tuple(words[:2]) in NO_OPERATION:
            continue
        service, operation = words[:2]
        by_name = {xform_name(name, "-"): name for name in model(service).operation_names}
        assert operation in by_name, words
        shape = model(service).operation_model(by_name[operation]).input_shape
        known = {xform_name(name, "-") for name in shape.members} | OF_THE_CLI
        assert {word[2:] for word in words if word.startswith("--")} <= known, words
        required = {xform_name(name, "-") for name in shape.required_members}
        assert required <= {word[2:] for word in words if word.startswith("--")}, words
