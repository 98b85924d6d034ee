"""`python -m bench.sweep [KEYS …]`: how time, calls and memory grow, and what throttling and a power cut do."""

from __future__ import annotations

import argparse
import platform
import sys
from dataclasses import replace

from bench import table
from bench.sweep.run import Result, Run, sweep

SIZES = (1_000, 10_000)  # 100,000 take 33 minutes at the share below, so they are only measured when asked for
HEAD = (
    "keys",
    "given, keys/s",
    "reached",
    "seconds",
    "KMS calls/key",
    "AWS calls/key",
    "throttled",
    "lister, MB",
    "worker, MB",
    "missed",
    "read twice",
    "recorded twice",
    "told twice",
)
OF_KMS = ("ListKeys", "DescribeKey", "GetKeyPolicy", "ListGrants")


def main() -> None:
    """Measure, and print a table."""
    asked = arguments()
    usual = Run(0, share=asked.share, workers=asked.workers)
    print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}. ", end="")
    print(f"{asked.share} % of the quotas, {asked.workers} workers.\n\n### A sweep of an account never seen before\n")
    show([row(sweep(replace(usual, keys=keys), say)) for keys in asked.keys])
    few = asked.keys[0]
    print("\n### Applications leave half of what the sweep may use\n")
    show([row(sweep(replace(usual, keys=few, left=asked.share / 100 / 2), say))])
    print("\n### Everything is killed when 40 % have been looked at, and begun again\n")
    show([row(sweep(replace(usual, keys=few, kill=0.4, hides=60), say))])


def arguments() -> argparse.Namespace:
    """What the user wants."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    parser.add_argument("keys", nargs="*", type=int, default=SIZES, metavar="KEYS", help="sizes of accounts")
    parser.add_argument(
        "--share", type=int, default=5, help="percent of KMS's quotas (default: 5, so 50 keys a second)"
    )
    parser.add_argument("--workers", type=int, default=6, help="processes that play Lambda (default: 6)")
    return parser.parse_args()


def show(rows: list[tuple[str, ...]]) -> None:
    """Print a table, at once."""
    print(*table.lines(HEAD, rows), sep="\n", flush=True)


def say(what: str) -> None:
    """Tell whoever watches."""
    print(what, file=sys.stderr, flush=True)


def row(result: Result) -> tuple[str, ...]:
    """One line of the table."""
    stats, keys = result.stats, result.run.keys
    calls = stats["calls"]
    of_kms = sum(calls.get(operation, 0) for operation in OF_KMS)
    return (
        f"{keys:,}",
        f"{result.run.rate:.0f}",
        f"{result.of_given:.0%}",
        f"{result.seconds:,.0f}",
        f"{of_kms / keys:.2f}",
        f"{sum(calls.values()) / keys:.2f}",
        f"{sum(stats['throttled'].values()):,}",
        f"{result.lister / 1e6:.0f}",
        f"{result.worker / 1e6:.0f}",
        *(str(stats[name]) for name in ("missed", "read more than once")),
        str(sum(keys for times, keys in stats["entries"].items() if times != "1")),
        str(stats["told more than once"]),
    )


if __name__ == "__main__":
    main()
