"""The report as a file: what it says, that it is HTML, and that nothing in it is run but its own scripts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import html5lib
import pytest

from kms_perimeter import report
from kms_perimeter.fleet import Fleet, Standing
from kms_perimeter.report import summary
from kms_perimeter.report.paths import paths_of
from tests.report import fleets

HTML = "{http://www.w3.org/1999/xhtml}"
SMALL = report.render(fleets.small())


def elements(page: str, name: str) -> list[Any]:
    """The elements of this name, as a browser's parser finds them."""
    return list(html5lib.parse(page).iter(f"{HTML}{name}"))


def data(page: str) -> Any:  # noqa: ANN401 - any JSON value
    """What the page's scripts read."""
    return json.loads(next(e.text for e in elements(page, "script") if e.get("id") == "data"))


def test_the_report_is_valid_html() -> None:
    """A strict parser of HTML finds no error in it, hostile names and all."""
    html5lib.HTMLParser(strict=True).parse(SMALL)


def test_the_report_is_one_file_that_loads_nothing() -> None:
    """No element names another file, and the page's own policy would forbid to load one."""
    asking = [e for e in html5lib.parse(SMALL).iter() if e.get("src") or (e.get("href") or "#")[0] != "#"]

    assert asking == []
    assert not elements(SMALL, "link")
    assert not re.search(r"@import|url\(", SMALL)
    assert policy(SMALL)["default-src"] == ["'none'"]


def policy(page: str) -> dict[str, list[str]]:
    """The page's Content Security Policy by directive."""
    told = next(e.get("content") for e in elements(page, "meta") if e.get("http-equiv") == "Content-Security-Policy")
    return {name: sources for name, *sources in (directive.split() for directive in told.split(";"))}


def hashed(text: str) -> str:
    """The text as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_page_lets_only_its_own_scripts_and_styles_run() -> None:
    """Each is named by its hash, and no whole class of them is let in."""
    scripts = [hashed(e.text) for e in elements(SMALL, "script") if e.get("type") is None]
    styles = [hashed(e.text) for e in elements(SMALL, "style")]

    assert policy(SMALL)["script-src"] == scripts
    assert policy(SMALL)["style-src"] == styles
    assert "unsafe-inline" not in SMALL.split("</head>", maxsplit=1)[0].split("<style>", maxsplit=1)[0]


def test_hostile_names_make_no_element() -> None:
    """Three scripts: the data, the library and ours; no picture, and no handler on anything."""
    found = html5lib.parse(SMALL)

    assert [e.get("id") for e in elements(SMALL, "script")] == ["data", None, None]
    assert not elements(SMALL, "img")
    assert not [e for e in found.iter() if any(str(name).startswith("on") for name in e.attrib)]


def test_hostile_names_are_told_as_they_are() -> None:
    """Escaping loses nothing: the alias and the Sid are read back letter by letter."""
    read = data(SMALL)

    assert [fleets.HOSTILE] in [key[read["columns"].index("aliases")] for key in read["keys"]]
    sid = json.loads((fleets.POLICIES / "hostile.json").read_text())["Statement"][0]["Sid"]
    assert any(sid in text for text in read["kept"] if isinstance(text, str))


def test_what_is_no_text_is_replaced() -> None:
    """JSON may spell half a surrogate pair or a NUL in a Sid; the file is UTF-8 all the same."""
    assert "\N{REPLACEMENT CHARACTER}" in "".join("".join(e.itertext()) for e in elements(SMALL, "noscript"))
    assert SMALL.encode()


def test_the_counts_are_those_of_the_fleet() -> None:
    """Each tile has its number, and the breakdowns add up to the whole."""
    fleet = fleets.small()

    tiles = {
        e.get("data-value"): int("".join(e.itertext()).split()[0])
        for e in elements(SMALL, "button")
        if e.get("data-filter") == "standing"
    }

    assert tiles == {s.value: n for s, n in fleet.counts().items() if n}
    for part in (summary.by(fleet, lambda f: f.account), summary.by(fleet, lambda f: f.region)):
        assert sum(one.total for one in part) == len(fleet.findings)
        assert sum(one.counts[Standing.OPEN] for one in part) == 4


def test_the_headline_says_how_many_are_open() -> None:
    """The first thing that is read, and the title of the window."""
    (title,) = (e.text for e in elements(SMALL, "h1"))

    assert title == "4 of 23 keys can be used from outside the approved networks."
    assert "open for 43 days" in SMALL


@pytest.mark.parametrize(
    ("policies", "level", "said"),
    [
        (["delegating"], "open", "1 of 1 key can be used"),
        (["unknown-key"], "undecided", "not everything could be proved"),
        ([], "undecided", "There is no key to be judged, so nothing was proved."),
    ],
)
def test_the_headline_claims_no_more_than_was_proved(policies: list[str], level: str, said: str) -> None:
    """Only a fleet whose keys are all proved is called fine; an empty one is not."""
    fleet = replace(fleets.small(), findings=tuple(fleets.judged(name) for name in policies), unscanned=())

    found, headline = summary.headline(fleet)

    assert found == level
    assert said in headline


def test_a_fleet_that_nobody_could_look_at_is_called_so() -> None:
    """Where every Region is closed to the caller, the report does not speak of no open keys."""
    fleet = replace(fleets.small(), findings=())

    assert summary.headline(fleet) == ("undecided", "No key could be looked at, so nothing was proved.")


def test_an_enclosed_fleet_is_called_so() -> None:
    """No open and no unproved key; but not if a Region could not be looked at."""
    fleet = replace(fleets.small(), findings=(fleets.enclosed(),))

    assert summary.headline(replace(fleet, unscanned=()))[0] == "enclosed"
    assert summary.headline(fleet)[0] == "undecided"


def test_an_empty_fleet_has_a_report() -> None:
    """An account without keys is no error."""
    empty = Fleet((), fleets.NOON, fleets.NOON)

    page = report.render(empty)

    html5lib.HTMLParser(strict=True).parse(page)
    assert data(page)["keys"] == []


def test_the_path_goes_past_each_deny_about_the_operation() -> None:
    """The steps name who, from where, the Allow, and why each Deny lets the request by; other Denies are left out."""
    paths = paths_of(fleets.judged("past-three-denies"))

    decrypting = next(path for path in paths if path.operations == ("kms:Decrypt",))
    assert [(step.kind, step.text) for step in decrypting.steps[2:5]] == [
        ("allow", 'Statement[0] "Enable IAM policies"'),
        ("deny", 'Statement[1] "Another endpoint"'),
        ("deny", 'Statement[2] "Not for contractors"'),
    ]
    assert decrypting.steps[1].text.startswith("VPC endpoint vpce-0fedcba9876543210")
    assert decrypting.steps[3].note.startswith("StringNotEquals aws:SourceVpce vpce-0fedcba9876543210 is false")
    assert decrypting.steps[4].note == "is not about this caller"
    assert json.loads(decrypting.steps[3].statement)["Sid"] == "Another endpoint"


def test_escapes_that_differ_by_the_operation_are_one_path() -> None:
    """One way in with all that can be called by it, instead of the same story for each operation."""
    found = fleets.judged("delegating")

    (path,) = paths_of(found)

    assert found.verdict
    assert list(path.operations) == [escape.operation for escape in found.verdict.escapes]
    assert [step.kind for step in path.steps] == ["who", "from", "allow", "deny", "key"]
    assert path.steps[3].text == "no Deny"


def test_a_grant_is_a_step_of_its_own() -> None:
    """Who creates it is not who uses the key."""
    (path,) = paths_of(fleets.judged("granting"))

    kinds = [step.kind for step in path.steps]
    assert path.route == "grant"
    assert kinds.index("allow") < kinds.index("grant") < kinds.index("key")
    assert path.steps[0].text == "arn:aws:iam::111122223333:role/Broker"


def test_keys_with_one_policy_share_their_details() -> None:
    """A fleet made from templates stays small enough to mail: 1,000 keys take less than 500 KB."""
    page = report.render(fleets.large(1000))

    assert len(data(page)["kept"]) < 100
    assert len(page) < 500_000


def test_without_a_ledger_there_is_no_chart() -> None:
    """A chart of one day would say nothing."""
    page = report.render(replace(fleets.small(), history=()))

    assert 'id="chart"' not in page


def test_today_is_the_last_day_of_the_chart() -> None:
    """Whatever the ledger last knew, the fleet as it was found now ends the line."""
    days = data(SMALL)["days"]

    assert days[-1] == {"day": "2026-11-24", "counts": list(fleets.small().counts().values())}
    assert len(days) == 61


def test_an_open_key_is_told_where_no_script_runs() -> None:
    """The preview of a mail program runs no script: the counts and the open keys are there all the same."""
    text = "".join("".join(e.itertext()) for e in elements(SMALL, "noscript"))

    assert "alias/payroll" in text
    assert "may allow `kms:Encrypt` from the internet" in text
