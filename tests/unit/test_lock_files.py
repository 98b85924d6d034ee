"""What `make lock` writes: a lock file with hashes for each list of dependencies, and no word of its machine."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LISTS = sorted([*(ROOT / "requirements").glob("*.in"), *(ROOT / "layers").glob("*/requirements.in")])
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def asked_for(path: Path) -> list[Requirement]:
    """What a list of dependencies asks for."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def locked(path: Path) -> list[tuple[Requirement, str]]:
    """What a lock file pins, each with the rest of its entry: its hashes, and who asked for it."""
    entries = re.findall(r"^(\S[^\\\n]*?) \\\n((?:    .*(?:\n|$))+)", path.read_text(), flags=re.MULTILINE)
    return [(Requirement(pin), rest) for pin, rest in entries]


@pytest.mark.parametrize("path", LISTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lock_file_pins_what_its_list_asks_for(path: Path) -> None:
    """Each name of the list is pinned to a version that the list admits."""
    pins = {canonicalize_name(pin.name): pin for pin, _ in locked(path.with_suffix(".txt"))}

    for asked in asked_for(path):
        (pinned,) = pins[canonicalize_name(asked.name)].specifier
        assert pinned.operator == "=="
        assert asked.specifier.contains(pinned.version, prereleases=True), asked


@pytest.mark.parametrize("path", LISTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lock_file_holds_pins_with_hashes_and_nothing_else(path: Path) -> None:
    """No line without a hash, none that nobody asks for any more, and no word about where the packages come from."""
    lock = path.with_suffix(".txt").read_text()
    entries = locked(path.with_suffix(".txt"))

    assert len(entries) == len(re.findall(r"^\S", lock, flags=re.MULTILINE))
    assert [str(pin) for pin, rest in entries if not HASH.search(rest)] == []
    assert [str(pin) for pin, rest in entries if "# via" not in rest] == []
    assert not re.search(r"://|--(extra-)?index-url|--find-links|^/", lock, flags=re.MULTILINE)


def test_each_list_is_locked() -> None:
    """`make lock` knows every list that there is."""
    recipe = (ROOT / "Makefile").read_text().partition("\nlock:")[2].partition(".PHONY")[0]

    forgotten = [path.name for path in LISTS if path.parent.name == "requirements" and path.stem not in recipe]

    assert forgotten == []
    assert "$(LAYER).in" in recipe
