"""The report in a real browser: what a reader sees and does. No test leaves a complaint in the browser's console."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kms_perimeter.fleet import Unscanned
from tests.report import fleets

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.report.browser import Opened

    Show = Callable[..., Opened]


def test_the_most_urgent_keys_come_first(opened: Show) -> None:
    """Open keys, the longest open at the top; enclosed ones at the end."""
    shown = opened()

    assert shown.names()[:4] == ["alias/orders", fleets.HOSTILE, "alias/payroll", "alias/broker"]
    assert shown.found() == "23 keys"


def test_a_key_is_told_with_its_path_and_its_change(opened: Show) -> None:
    """The details name who, from where, through and past which statement, and the change that would close the key."""
    shown = opened()

    shown.expand("alias/payroll")

    more = shown.page.locator(".more")
    assert more.get_by_text("VPC endpoint vpce-0fedcba9876543210").count() == 1
    assert more.locator(".step.deny").first.inner_text().startswith('Past\nStatement[2] "Not for contractors"')
    assert "KmsPerimeterGuardUse" in more.locator(".diff").inner_text()
    assert more.locator(".diff .plus").count() > 10
    assert "(2 days)" in more.locator(".facts").inner_text()


def test_what_is_told_leads_to_the_page_that_explains_it(opened: Show) -> None:
    """Where docs/ is published, the verdict and each advisory are links; where it is not, there are none."""
    published, unpublished = opened(docs="https://git.example.com/docs"), opened()

    for shown in (published, unpublished):
        shown.expand("alias/payroll")

    link = published.page.locator(".more").get_by_role("link", name="What it means, and what to do")
    assert link.get_attribute("href") == "https://git.example.com/docs/verdicts/escapes.md"
    assert published.page.locator(".more a:has(code)").count() > 0
    assert unpublished.page.locator(".more a").count() == 1
    assert unpublished.page.locator(".more").get_by_text("kms-perimeter explain escapes").count() == 1


def test_details_close_again(opened: Show) -> None:
    """The same button shows and hides, says which, and keeps the keyboard where it was."""
    shown = opened()
    shown.expand("alias/payroll")

    shown.page.keyboard.press("Enter")

    button = shown.page.locator("#rows").get_by_role("button", name="alias/payroll", exact=True)
    assert shown.page.locator(".more").count() == 0
    assert button.get_attribute("aria-expanded") == "false"
    assert button.evaluate("button => button === document.activeElement")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("payroll-13", ["alias/payroll-13"]),
        ("orders-2019", ["alias/orders"]),
        ("role/broker createg", ["alias/broker"]),
        ("not for contractors", ["alias/payroll"]),
        ("AWS:UNHEARD", ["alias/unknown"]),
        ("nothing like it", []),
    ],
)
def test_a_search_looks_at_everything_that_is_told(opened: Show, words: str, found: list[str]) -> None:
    """All words must be there: in names, ARNs, tags, operations, principals, advisories or reasons."""
    shown = opened()

    shown.page.get_by_role("searchbox").fill(words)

    assert shown.names() == found
    assert shown.found() == f"{len(found)} of 23 keys"


def test_filters_go_together(opened: Show) -> None:
    """A tile, an account of the breakdown and the lists set the same filters; one button takes them all away."""
    shown = opened()

    shown.page.get_by_role("button", name="4 open").click()
    shown.page.get_by_role("button", name="444455556666").click()

    assert shown.names() == ["alias/payroll"]
    assert shown.page.locator("#standing").input_value() == "open"
    assert shown.page.locator("#account").input_value() == "444455556666"
    shown.page.get_by_role("button", name="Show all").click()
    assert shown.found() == "23 keys"
    assert shown.page.get_by_role("button", name="4 open").get_attribute("aria-pressed") == "false"


def test_columns_sort_both_ways(opened: Show) -> None:
    """By exposure the longest first, by name from A; a second time the other way round, and the head says which."""
    shown = opened()
    head = shown.page.get_by_role("columnheader", name="Open for")

    head.get_by_role("button").click()
    assert shown.names()[:3] == ["alias/orders", fleets.HOSTILE, "alias/payroll"]
    assert head.get_attribute("aria-sort") == "descending"
    shown.page.get_by_role("columnheader", name="Key").get_by_role("button").click()
    shown.page.get_by_role("columnheader", name="Key").get_by_role("button").click()

    assert shown.names()[-1] == "00000009-0000-4000-8000-000000000009"
    assert shown.page.get_by_role("columnheader", name="Key").get_attribute("aria-sort") == "descending"


def test_hostile_names_stay_text(opened: Show) -> None:
    """Nothing of an alias, a Sid or a condition is ever run, whatever is opened."""
    shown = opened()

    shown.expand(fleets.HOSTILE)
    for fold in shown.page.locator(".more details").all():
        fold.locator("summary").click()

    assert "document.title='owned'" in shown.page.locator(".more").inner_text()
    assert shown.page.title().startswith("KMS Perimeter: 4 of 23 keys")
    assert shown.page.locator("img").count() == 0


def test_what_turns_text_around_is_shown_and_does_not(opened: Show) -> None:
    """A policy cannot make its reader see other words than it has: the mark that would is seen instead."""
    shown = opened()

    shown.expand(fleets.HOSTILE)
    for fold in shown.page.locator(".more details").all():
        fold.locator("summary").click()

    assert "\u202e" not in shown.page.locator("body").inner_text()
    assert "\N{REPLACEMENT CHARACTER}" in shown.page.locator(".more .step.allow").first.inner_text()


def test_since_when_is_told_as_in_the_alerts(opened: Show) -> None:
    """In UTC, and how long that is."""
    shown = opened()

    shown.expand("alias/payroll")

    assert "2026-11-22 12:00 UTC (2 days)" in shown.page.locator(".more .facts").inner_text()


def test_the_chart_shows_every_standing_that_there_was(opened: Show) -> None:
    """One area for each, drawn by the library into the page."""
    shown = opened()

    drawn = shown.page.locator("#chart .ct-area").evaluate_all("all => all.map(one => one.getAttribute('class'))")

    assert {name.split("drawn-")[1] for name in drawn} == {
        "open", "undecided", "unreadable", "excepted", "unwatched", "enclosed",
    }  # fmt: skip
    assert all(shown.page.locator("#chart .ct-area").evaluate_all("all => all.map(one => one.getBBox().width > 100)"))


def test_a_link_leads_to_one_key(opened: Show) -> None:
    """An alert can point into the report by the key's ARN, whatever the filters leave."""
    arn, other = (fleets.small().findings[place].arn for place in (2, 0))

    shown = opened(fragment=f"#{arn}")
    assert shown.page.locator(".more .facts").inner_text().startswith(f"ARN\n{arn}")
    shown.page.get_by_role("searchbox").fill("payroll")
    shown.page.evaluate("arn => { location.hash = arn; }", other)

    shown.page.locator(".more .facts", has_text=other).wait_for()
    assert shown.found() == "23 keys"


def test_a_broken_link_leads_to_the_whole_report(opened: Show) -> None:
    """A mail program may have cut it in the middle of a character."""
    shown = opened(fragment="#%E0%A4")

    assert shown.found() == "23 keys"


def test_ten_thousand_keys_are_a_page_at_a_time(opened: Show) -> None:
    """The browser holds fifty rows of them, and search, sorting and turning pages reach all the others."""
    shown = opened(fleets.large(10_000))

    shown.page.get_by_role("button", name="Next").click()
    assert shown.page.locator("#page").inner_text() == "Page 2 of 200"
    assert len(shown.names()) == 50
    shown.page.get_by_role("searchbox").fill("search-9995")

    assert shown.names() == ["alias/search-9995"]
    assert shown.found() == "1 of 10,000 keys"
    assert shown.page.evaluate("document.querySelectorAll('*').length") < 2000


def test_the_theme_follows_the_system_or_the_switch(opened: Show) -> None:
    """Dark where the system is dark, and whatever the reader chooses."""
    shown = opened()
    background = "getComputedStyle(document.body).backgroundColor"
    light = shown.page.evaluate(background)

    shown.page.emulate_media(color_scheme="dark")
    dark = shown.page.evaluate(background)
    shown.page.get_by_label("Theme").select_option("light")

    assert dark != light
    assert shown.page.evaluate(background) == light


def test_paper_is_light_and_has_all_keys(opened: Show) -> None:
    """What is printed has no pages to turn and no controls, even where the screen is dark."""
    shown = opened(fleets.large(120))
    shown.page.get_by_label("Theme").select_option("dark")

    shown.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    shown.page.emulate_media(media="print")

    assert len(shown.names()) == 120
    assert not shown.page.get_by_role("searchbox").is_visible()
    assert (
        shown.page.evaluate("getComputedStyle(document.querySelector('section')).backgroundColor")
        == "rgb(255, 255, 255)"
    )


def test_a_narrow_window_needs_no_scrolling_sideways(opened: Show) -> None:
    """On a phone, the rows become blocks."""
    shown = opened()

    shown.page.set_viewport_size({"width": 360, "height": 740})
    shown.expand("alias/payroll")

    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("width", [360, 1280])
def test_long_words_are_broken(opened: Show, width: int) -> None:
    """The longest alias there can be, and reasons of AWS's that are one word, stay within the window."""
    fleet = fleets.small()
    reason = f"User:arn:aws:sts::111122223333:assumed-role/{'r' * 64}/{'s' * 300}"
    long = replace(fleet.findings[1], aliases=(f"alias/{'x' * 250}",), tags={"t" * 128: "v" * 256})
    unread = replace(fleet.findings[7], unreadable=reason)
    unscanned = (Unscanned(fleets.ACCOUNTS[1], "ap-south-1", reason),)
    shown = opened(replace(fleet, findings=(long, unread), unscanned=unscanned))

    shown.page.set_viewport_size({"width": width, "height": 740})
    for name in (long.aliases[0], unread.aliases[0]):
        shown.expand(name)

    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_wrong(opened: Show, scheme: str, width: int) -> None:
    """People who see little, or nothing, can read it: names, roles, order and contrast, with details open."""
    shown = opened()
    shown.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    shown.page.set_viewport_size({"width": width, "height": 900})
    for name in ("alias/payroll", "alias/broker", "alias/orders", "alias/legacy"):
        shown.expand(name)

    assert shown.axe() == []


def test_the_keyboard_reaches_the_keys_at_once(opened: Show) -> None:
    """The first stop of the tab key skips to the keys, and a slash begins a search."""
    shown = opened()

    shown.page.keyboard.press("Tab")
    assert shown.page.evaluate("document.activeElement.textContent") == "Skip to the keys"
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("broker")

    assert shown.names() == ["alias/broker"]
