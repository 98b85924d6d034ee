"""The page: the template filled in, with styles, scripts and data in the one file.

Everything that comes from AWS is somebody else's text. The template escapes it, the data stand in a block that no
browser runs, the scripts only ever set text, and the policy of the page itself (*Content Security Policy Level 3*, W3C)
lets nothing run but these very scripts, by their hashes, and nothing be loaded at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from kms_perimeter.fleet import Standing
from kms_perimeter.report import summary
from kms_perimeter.report.data import data_of

if TYPE_CHECKING:
    from kms_perimeter.fleet import Fleet

STYLES = ("base.css", "overview.css", "keys.css", "print.css")
LIBRARY = "chartist-1.5.0.umd.js"
LICENCE = "chartist-1.5.0.LICENSE"
SCRIPTS = ("dom.js", "model.js", "theme.js", "detail.js", "table.js", "chart.js", "start.js")
# The two style attributes that Chartist sets on what it draws.
DRAWN_STYLES = ("width: 100%; height: 100%;", "overflow: visible;")
# What HTML cannot hold as it is (*Preprocessing the input stream* in the HTML Standard), and JSON may spell.
# What nobody sees, or turns the text beside it around, is replaced as well.
NO_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
WITHOUT_SCRIPT = 100  # open keys that are named to whoever reads the page where no script runs


def render(fleet: Fleet, docs: str = "") -> str:
    """The report on a fleet as one HTML file.

    Args:
        fleet: the keys.
        docs: where docs/ is published, for links to what verdicts and advisories mean; without it there are none.
    """
    style = "\n".join(_asset(name) for name in STYLES)
    scripts = (_library(), _script())
    level, headline = summary.headline(fleet)
    days = summary.days(fleet)
    page = _template().render(
        fleet=fleet,
        policy=_policy(style, scripts),
        style=Markup(style),  # noqa: S704 - ours
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - ours
        data=data_of(fleet, days, docs),
        days=days,
        level=level,
        headline=headline,
        caveats=summary.caveats(fleet),
        whole=summary.whole(fleet),
        parts=_parts(fleet),
        standings=list(Standing),
        meanings=summary.MEANINGS,
        without_script=fleet.of(Standing.OPEN)[:WITHOUT_SCRIPT],
    )
    return NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", page)


def _parts(fleet: Fleet) -> list[tuple[str, str, list[summary.Part]]]:
    """The breakdowns: the filter that each sets, its title, and its parts."""
    return [
        ("account", "Account", summary.by(fleet, lambda finding: finding.account)),
        ("region", "Region", summary.by(fleet, lambda finding: finding.region)),
        ("perimeter", "Perimeter", summary.by(fleet, lambda finding: finding.perimeter or summary.NO_PERIMETER)),
    ]


def _policy(style: str, scripts: tuple[str, ...]) -> str:
    drawn = " ".join(_hash(attribute) for attribute in DRAWN_STYLES)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(_hash(script) for script in scripts)}",
            f"style-src {_hash(style)}",
            f"style-src-attr 'unsafe-hashes' {drawn}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _library() -> str:
    """The library with its licence, which has to go with each copy of it."""
    return f"/* Chartist 1.5.0\n\n{_asset(LICENCE)}*/\n{_asset(LIBRARY)}"


def _script() -> str:
    """Our scripts as one, which leaves no name behind on the page."""
    body = "\n".join(_asset(f"script/{name}") for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{body}\n}})();'


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    loader = PackageLoader("kms_perimeter.report", "assets")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2")
