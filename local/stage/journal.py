"""What the functions say about themselves: one line of their logs for each thing that they did, and their metrics."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.embedded import EmbeddedAws
from local.stage.patience import until

_TAIL = 12


@dataclass(frozen=True)
class Line:
    """What a function did about one key.

    Attributes:
        done: The fixed word: `quiet`, `remediate`, `ignored` and so on.
        reason: For `ignored` a fixed word too, else a clause.
        key: The key's ARN, where it is known.
        cause: ID of the CloudTrail event or of the sweep.
    """

    done: str
    reason: str
    key: str
    cause: str


class Journal:
    """The logs of a stack's functions, read through CloudWatch Logs."""

    def __init__(self, aws: EmbeddedAws, stack: str) -> None:
        """Find the log groups of the stack."""
        self._logs = aws.client("logs")
        resources = aws.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        self._groups = {
            resource["LogicalResourceId"].removesuffix("Logs"): resource["PhysicalResourceId"]
            for resource in resources
            if resource["ResourceType"] == "AWS::Logs::LogGroup"
        }

    def lines(self, *, key: str | None = None, cause: str | None = None) -> list[Line]:
        """What was done until now, oldest first within each function; all of it, or about one key or cause."""
        said = [_line(entry) for entry in self._entries() if "done" in entry]
        return [line for line in said if key in (None, line.key) and cause in (None, line.cause)]

    def wait_for(self, what: str, *, done: str | None = None, key: str | None = None, cause: str | None = None) -> Line:
        """Wait until a function says that it has done this; give what it says.

        Raises:
            TookTooLong: No function said so in time.
        """

        def look() -> Line | None:
            return next((line for line in self.lines(key=key, cause=cause) if done in (None, line.done)), None)

        return until(look, what, self.tail)

    def sweeps(self) -> list[str]:
        """The IDs of the sweeps that have put every key into the queue, oldest first: their causes."""
        return [sweep for sweep, said in self._steps() if said == "all keys are in the changes queue"]

    def wait_for_steps(self, sweep: str, count: int) -> list[str]:
        """Wait until the lister has ended `count` runs about a sweep; give what all of them say, oldest first.

        Raises:
            TookTooLong: It did not do so in time.
        """

        def look() -> list[str] | None:
            said = [said for of, said in self._steps() if of == sweep]
            return said if len(said) >= count else None

        return until(look, f"run {count} of the lister about {sweep}", self.tail)

    def metrics(self) -> Counter[str]:
        """How often each metric was counted until now; what a run counts is here when the run has ended, not before."""
        counted: Counter[str] = Counter()
        for entry in self._entries():
            for directive in entry.get("_aws", {}).get("CloudWatchMetrics", ()):
                counted.update({m["Name"]: int(sum(entry[m["Name"]])) for m in directive["Metrics"]})
        return counted

    def failures(self) -> list[str]:
        """What the functions logged as errors, each with the last line of its traceback."""
        logged = [entry for entry in self._entries() if entry.get("level") in ("ERROR", "CRITICAL")]
        return [f"{entry['message']}: {entry.get('exception', '').strip().splitlines()[-1:]}" for entry in logged]

    def tail(self) -> str:
        """The last lines of each function's log, for a person who looks for a fault."""
        parts = []
        for function, group in self._groups.items():
            last = [message[:1000] for message in self._messages(group)][-_TAIL:]
            parts.append("\n".join([f"--- {function}: the end of its log", *(last or ["(nothing)"])]))
        return "\n".join(parts)

    def _steps(self) -> Iterator[tuple[str, str]]:
        for message in self._messages(self._groups["OnSweep"]):
            if message[:1] == "{" and "sweep" in (entry := json.loads(message)):
                yield entry["sweep"], entry["message"]

    def _entries(self) -> Iterator[dict[str, Any]]:
        for group in self._groups.values():
            for message in self._messages(group):
                if message[:1] == "{":
                    yield json.loads(message)

    def _messages(self, group: str) -> Iterator[str]:
        for page in self._logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            yield from (event["message"].strip() for event in page["events"])


def _line(entry: dict[str, Any]) -> Line:
    return Line(entry["done"], entry["message"], entry["key"], entry["cause"])
