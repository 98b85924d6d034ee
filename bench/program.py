"""Another engine in a process of its own: a line of JSON in, a line of JSON out. It times itself: no pipe counts."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType


class Program:
    """A running program; use it as a context manager, which stops it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=10)  # closes its input, at which it ends

    def ask(self, question: object) -> Any:  # noqa: ANN401  (JSON)
        """The answer to one question.

        Raises:
            EOFError: the program has ended.
        """
        wire, back = self._process.stdin, self._process.stdout
        if wire is None or back is None:
            raise ValueError("the program was started without pipes")
        wire.write(json.dumps(question) + "\n")
        wire.flush()
        line = back.readline()
        if not line:
            raise EOFError("the program has ended without an answer")
        return json.loads(line)
