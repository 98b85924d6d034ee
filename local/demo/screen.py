"""What a person sees: the story, what was expected of each step, and whether it came out so.

Colours are rich's business: a terminal shows them; a file, or anything under `NO_COLOR`, gets plain text.
"""

from collections.abc import Iterable

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_VERDICT_STYLES = {"enclosed": "green", "escapes": "bold red"}
_MARGIN = "    "


class Screen:
    """Tells the story and keeps count of what did not come out as told."""

    def __init__(self, console: Console) -> None:
        """Write to a console."""
        self._console = console
        plain = not (console.encoding or "").startswith("utf")
        self._tick, self._cross = ("ok", "FAILED") if plain else ("✓", "✗")
        self.unexpected: list[str] = []

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        self._console.print()
        self._console.print(Rule(Text(title, style="bold"), align="left", style="dim"))

    def say(self, text: str) -> None:
        """A sentence of the story."""
        self._console.print(Text(text))

    def call(self, who: str, what: str) -> None:
        """Somebody calls AWS."""
        name = who.split(":", 5)[-1]
        self._write(Text.assemble(("  > ", "dim"), (name, "bold cyan"), (f"  {what}", "cyan")))

    def note(self, text: str) -> None:
        """A remark in passing."""
        self._write(Text(f"  {text}", style="dim"))

    def expect(self, what: str, came_out: object, seen: object = "") -> None:
        """What was expected, and whether it came out so.

        Args:
            what: The expectation, as a sentence.
            came_out: Whether it holds, by its truth.
            seen: What was seen instead, where that helps.
        """
        if came_out:
            self._write(Text.assemble((f"  {self._tick} ", "bold green"), what))
            return
        self.unexpected.append(what)
        self._write(Text.assemble((f"  {self._cross} ", "bold red"), (what, "red"), f"  {seen}" if seen else ""))

    def alert(self, text: str, parts: Iterable[str] = ()) -> None:
        """An alert as it reaches people: whole, or its title and those parts with these headings."""
        sections = text.rstrip().split("\n\n")
        wanted = tuple(parts)
        for number, section in enumerate(sections):
            if wanted and number and not section.startswith(wanted):
                continue
            for line in section.splitlines():
                self._write(_alert_line(line, title=number == 0))

    def diff(self, diff: str) -> None:
        """The change of a policy, in colour."""
        for line in diff.splitlines():
            self._write(Text(f"{_MARGIN}{line}", style=_DIFF_STYLES.get(line[:1], "")))

    def keys(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        """The table of keys: name, how its ID begins, what became of it, verdict."""
        table = Table(box=None, pad_edge=True, header_style="bold")
        for heading in ("key", "ID", "what became of it", "verdict now"):
            table.add_column(heading, no_wrap=heading != "what became of it")
        for *facts, outcome in rows:
            table.add_row(*map(Text, facts), Text(outcome, style=_VERDICT_STYLES.get(outcome, "")))
        self._console.print(table)

    def trouble(self, text: str) -> None:
        """Something that ends a step, or the day, before its time."""
        self.unexpected.append(text.splitlines()[0])
        self._write(Text.assemble((f"  {self._cross} ", "bold red"), text))

    def verdict(self, seconds: float) -> None:
        """The last line: whether all came out as told, and how long it took."""
        self._console.print()
        if not self.unexpected:
            self._console.print(Text(f"Every step came out as told, in {seconds:.0f} s.", style="bold green"))
            return
        self._console.print(Text(f"What did not come out as told, in {seconds:.0f} s:", style="bold red"))
        for what in self.unexpected:
            self._write(Text(f"  {self._cross} {what}", style="red"))

    def _write(self, text: Text) -> None:
        # Lines of policies and of alerts are left as they are, however narrow the window.
        self._console.print(text, soft_wrap=True)


def _alert_line(line: str, *, title: bool) -> Text:
    heading = not title and line and not line.startswith(" ")
    style = "bold yellow" if title else "bold" if heading else ""
    return Text.assemble((f"{_MARGIN}| ", "yellow"), (line, style))
