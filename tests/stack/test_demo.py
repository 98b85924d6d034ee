"""`make demo`: what a newcomer sees first."""

import os
import subprocess
import sys

import pytest

from local.embedded import REPOSITORY

pytestmark = pytest.mark.stack


def test_the_day_comes_out_as_told() -> None:
    """It ends with exit status 0, and without a terminal it writes plain text."""
    played = subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )

    assert (played.returncode, played.stderr) == (0, ""), played.stdout
    assert "Every step came out as told" in played.stdout
    assert "\x1b" not in played.stdout
