"""How long a fresh process takes to import an engine, the interpreter's own start taken away."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMED = "import time; began = time.perf_counter(); {}; print((time.perf_counter() - began) * 1000)"


def milliseconds(python: str, statement: str, compiled: str) -> float | None:
    """The time that the statement takes in a fresh process, or None where it fails.

    Args:
        python: the interpreter.
        statement: what to time.
        compiled: the folder for bytecode, so that nobody has to compile, whatever this machine is set to.
    """
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    settings["PYTHONPYCACHEPREFIX"] = compiled
    command = [python, "-c", _TIMED.format(statement)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    return float(ran.stdout) if ran.returncode == 0 else None


def rounds(imports: Mapping[str, tuple[str, str]], times: int) -> dict[str, list[float]]:
    """The times of each import, one after the other in every round, so that all meet the same machine.

    Args:
        imports: by name, the interpreter and the statement.
        times: how many rounds.
    """
    found: dict[str, list[float]] = {name: [] for name in imports}
    with tempfile.TemporaryDirectory() as compiled:
        for turn in range(times + 1):
            for name, (python, statement) in imports.items():
                took = milliseconds(python, statement, compiled)
                if took is not None and turn:  # the first turn compiles
                    found[name].append(took)
    return {name: took for name, took in found.items() if took}
