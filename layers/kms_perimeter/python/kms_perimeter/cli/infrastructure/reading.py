"""Which kind of file this is, and the key policies in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kms_perimeter.cli.checked import Checked
from kms_perimeter.cli.infrastructure import plan, template
from kms_perimeter.cli.infrastructure.judging import judge_found
from kms_perimeter.cli.inputs import USUAL_SPECS
from kms_perimeter.errors import MalformedPolicy
from kms_perimeter.policy.jsontext import Place
from kms_perimeter.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from kms_perimeter.cli.infrastructure.found import Found
    from kms_perimeter.cli.inputs import KeyOptions
    from kms_perimeter.perimeter import Perimeter

_YAML_NAMES = (".yaml", ".yml", ".template")
_YAML_TEMPLATE = re.compile(r"^(?:AWSTemplateFormatVersion|Transform|Resources)[\"']?\s*:", re.MULTILINE)


def check(name: str, content: bytes, key: KeyOptions, perimeter: Perimeter) -> list[Checked] | None:
    """The verdicts on the key policies in infrastructure code; None where the file is to be read as a key policy."""
    try:
        found = _find(name, content.decode("utf-8-sig"), key)
    except UnicodeDecodeError:
        return None
    except MalformedPolicy as fault:
        place = Place(fault.line, fault.column or 1) if fault.line else None
        return [Checked(name, Verdict(Outcome.MALFORMED, perimeter.name, key.usage, reason=str(fault)), "", place)]
    return None if found is None else [_checked(name, one, key, perimeter) for one in found]


def _find(name: str, text: str, key: KeyOptions) -> list[Found] | None:
    from kms_perimeter.cli.infrastructure import located  # noqa: PLC0415 - PyYAML only where it is needed

    if text.lstrip().startswith(("{", "[")):
        value = located.load_json(text)
        if plan.is_plan(value):
            return plan.find(value, key.key(), USUAL_SPECS)
        if template.is_template(value):
            return template.find(located.from_json(text, value), key.key(), USUAL_SPECS)
        return None
    if not _YAML_TEMPLATE.search(text):  # some other YAML: nobody asks whether it is well made
        return [] if name.endswith(_YAML_NAMES) else None
    document = located.from_yaml(text)
    return template.find(document, key.key(), USUAL_SPECS) if template.is_template(document.value) else []


def _checked(name: str, found: Found, key: KeyOptions, perimeter: Perimeter) -> Checked:
    judged = judge_found(found, perimeter, key.account, key.region)
    return Checked(name, judged.verdict, found.resource, judged.fault or found.place, judged.statements)
