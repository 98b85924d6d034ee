"""A real Chromium for the report; where there is none, the tests are skipped and say so loudly."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from kms_perimeter import report
from tests.report import browser, fleets
from tests.report.browser import Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from kms_perimeter.fleet import Fleet


def _skip(reason: str) -> None:
    warnings.warn(f"THE REPORT WAS NOT OPENED: {reason}", stacklevel=2)
    pytest.skip(f"THE REPORT WAS NOT OPENED: {reason}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A running Chromium; not for longer than a module, since its event loop would be in the way of other tests'."""
    if (executable := browser.executable()) is None:
        _skip(f"no Chromium here (looked for {', '.join(browser.NAMES)})")
    with sync_playwright() as playwright:
        # Without its sandbox, which a container's root cannot have: it opens nothing but the file made here.
        running = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def axe() -> None:
    """Axe-core is installed."""
    if not browser.AXE.exists():
        _skip("no axe-core here: npm ci --prefix tests/report")


@pytest.fixture
def opened(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Opened]]:
    """Opens the report on a fleet from a file, without a network; in the end the browser must not have complained."""
    context = chromium.new_context(offline=True)
    files = tmp_path_factory.mktemp("report")
    shown: list[Opened] = []

    def show(fleet: Fleet | None = None, fragment: str = "", docs: str = "") -> Opened:
        one = Opened(context.new_page())
        one.page.on("console", lambda message: one.complaints.append(message.text))
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        path = files / f"{len(shown)}.html"
        path.write_text(report.render(fleet or fleets.small(), docs), encoding="utf-8")
        one.page.goto(f"{path.as_uri()}{fragment}")
        shown.append(one)
        return one

    yield show
    complaints = [complaint for one in shown for complaint in one.complaints]
    context.close()
    assert complaints == []
