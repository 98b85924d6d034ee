"""iam-simulate, kept running as a program of its own: what it says of concrete requests.

It is an evaluator of IAM policies by others (npm ``@cloud-copilot/iam-simulate``, AGPL-3.0), written without knowledge
of ours. We run it and read its answers; nothing of it is copied.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from kms_perimeter.policy.request import Request

FOLDER = Path(__file__).parent
ALLOWED, IMPLICITLY_DENIED, EXPLICITLY_DENIED = "Allowed", "ImplicitlyDenied", "ExplicitlyDenied"
BATCH = 200  # so few answers fit into the pipe while we are still writing questions


def missing() -> str | None:
    """Why iam-simulate cannot be asked here, or None where it can."""
    if shutil.which("node") is None:
        return "Node.js is not on PATH"
    if not (FOLDER / "node_modules" / "@cloud-copilot" / "iam-simulate").is_dir():
        return "iam-simulate is not installed: run `make oracles`"
    return None


def question(policy: dict[str, Any], request: Request) -> dict[str, Any]:
    """One question: may this request use the key that it names, of that ARN's account?"""
    if request.resource is None:
        raise ValueError("iam-simulate needs the ARN of the key")
    return {"policy": policy, **request.to_json(), "account": request.resource.split(":")[4]}


class Refused(ValueError):
    """iam-simulate does not take this policy, or could not read the question."""


class Simulator:
    """A running iam-simulate; use it as a context manager, which stops it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "simulate.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=10)  # closes its input, at which it ends

    def ask(self, questions: Sequence[dict[str, Any]]) -> list[str]:
        """The answers, in order.

        Raises:
            Refused: iam-simulate does not take one of the policies.
        """
        return [answer for i in range(0, len(questions), BATCH) for answer in self._ask_batch(questions[i : i + BATCH])]

    def _ask_batch(self, questions: Sequence[dict[str, Any]]) -> list[str]:
        wire, back = self._process.stdin, self._process.stdout
        if wire is None or back is None:
            raise ValueError("iam-simulate was started without pipes")
        wire.writelines(json.dumps(q) + "\n" for q in questions)
        wire.flush()
        said = [json.loads(back.readline()) for _ in questions]
        return [_result(q, answer) for q, answer in zip(questions, said, strict=True)]


def _result(asked: dict[str, Any], said: dict[str, Any]) -> str:
    if "error" in said:
        raise Refused(f"iam-simulate refused `{json.dumps(asked)}`: {said['error']}")
    return str(said["result"])
