"""A real Chromium, where there is one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    """The browser, or None where none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Opened:
    """A report that is open in the browser.

    Attributes:
        page: the page.
        complaints: what the browser complained of: errors, warnings, and what the page's own policy forbade.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """The names of the keys that are shown, in order."""
        return self.page.locator("#rows .name button").all_inner_texts()

    def found(self) -> str:
        """How many keys the filters leave."""
        return self.page.locator("#found").inner_text()

    def expand(self, name: str) -> None:
        """Shows the details of a key."""
        self.page.locator("#rows").get_by_role("button", name=name, exact=True).click()

    def axe(self) -> list[str]:
        """What axe-core finds wrong for people with disabilities, by rule and element."""
        # The page's policy forbids to add a script to it; the debugger's console is no part of the page.
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{rule['id']}: {node['html'][:120]}" for rule in found["violations"] for node in rule["nodes"]]
