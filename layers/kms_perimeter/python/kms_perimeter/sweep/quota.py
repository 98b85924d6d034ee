"""How many calls KMS answers, and what part of that the sweep may take.

KMS counts calls by account and Region, whoever makes them: a sweep without a limit would throttle the account's
applications. The numbers are the default quotas of "Request quotas" in the AWS KMS Developer Guide; an account that has
been given more leaves the difference to its applications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Requests a second, by operation. What is not in here (PutKeyPolicy, say) is no part of looking at a key.
QUOTAS: Mapping[str, int] = {
    "ListKeys": 500,
    "DescribeKey": 2000,
    "GetKeyPolicy": 1000,
    "ListResourceTags": 2000,
    "ListAliases": 500,
    "ListGrants": 100,  # asked about keys that are open
}


def rates(share: int, workers: int = 1) -> Mapping[str, float]:
    """The calls a second that one of so many workers may make.

    Args:
        share: percent of each quota that all workers together may use.
        workers: how many there are.
    """
    return {operation: quota * share / 100 / workers for operation, quota in QUOTAS.items()}


def keys_per_second(share: int, *, with_aliases: bool) -> float:
    """The keys a second that all workers together can look at, as long as most are enclosed.

    Each costs at most one call of each operation. An open key costs a `ListGrants` too, of which there are fewer: then
    the workers are slower than this, and the lister waits for them.

    Args:
        share: percent of each quota that the sweep may use.
        with_aliases: whether a key's aliases may have to be read too; only a perimeter file can ask for that.
    """
    asked = ("DescribeKey", "GetKeyPolicy", "ListResourceTags", "ListAliases") if with_aliases else ("GetKeyPolicy",)
    return min(rates(share)[operation] for operation in asked)
