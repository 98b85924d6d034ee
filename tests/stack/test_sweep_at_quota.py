"""A sweep of some hundred keys on a server that enforces KMS's request quotas, by processes that can be killed.

The functions are the real ones, with real boto3 clients; bench/sweep plays AWS and Lambda. `python -m bench.sweep`
measures the same with up to 100,000 keys.
"""

import pytest

from bench.sweep.run import Result, Run, sweep

pytestmark = pytest.mark.stack


def assert_each_key_was_looked_at_once(result: Result) -> None:
    """Of a hundred keys, five are AWS's own and two dying: described, and no more. Three are open."""
    stats, keys = result.stats, result.run.keys
    assert (stats["missed"], stats["not settled"], stats["read, but none of ours"]) == (0, 0, 0)
    assert stats["entries"] == {"1": keys * 93 // 100}
    assert (stats["told"], stats["told more than once"]) == (keys * 3 // 100, 0)


def test_no_key_is_missed_and_none_is_judged_twice() -> None:
    """And KMS is asked no more than it must be."""
    result = sweep(Run(300, share=10, workers=2))

    assert_each_key_was_looked_at_once(result)
    assert result.stats["read more than once"] == 0
    calls = result.stats["calls"]
    assert [calls[name] for name in ("ListKeys", "DescribeKey", "GetKeyPolicy")] == [1, 300, 279]
    assert "ListGrants" not in calls  # in mode alert nobody carries a plan out
    assert result.lister < 128_000_000


def test_a_sweep_survives_throttling() -> None:
    """The account's applications leave a tenth of what the sweep may use."""
    result = sweep(Run(200, share=20, workers=2, left=0.02))

    assert_each_key_was_looked_at_once(result)
    assert sum(result.stats["throttled"].values()) > 0


def test_a_sweep_survives_a_power_cut() -> None:
    """Everything is killed in the middle: what was in work comes again, what was done does not."""
    run = Run(300, share=10, workers=2, kill=0.4, hides=15)

    result = sweep(run)

    assert_each_key_was_looked_at_once(result)
    assert result.stats["read more than once"] <= run.workers  # each was at one key
