"""A small solver: pick a class for each variable so that every clause has a literal that holds.

A variable's domain is a bit mask of the classes still open to it. A clause is a choice of (variable, allowed classes):
a `Deny` does not apply when one of its conditions fails, so each `Deny` is a clause. Unit propagation, then branching
on the clause with the fewest ways left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kms_perimeter.policy.budget import Budget

    Clause = Sequence[tuple[int, int]]


def solve(domains: list[int], clauses: Sequence[Clause], budget: Budget) -> list[int] | None:
    """A class mask with exactly one bit for each variable, or None where there is none.

    Lower bits are taken first: they are the simpler classes.

    Raises:
        BoundReached: the budget is used up.
    """
    if not all(domains):
        return None
    open_clauses = _propagate(domains, clauses, budget)
    if open_clauses is None:
        return None
    if not open_clauses:
        return [domain & -domain for domain in domains]
    clause = min(open_clauses, key=len)
    for variable, allowed in clause:
        trial = domains.copy()
        trial[variable] &= allowed
        if (found := solve(trial, open_clauses, budget)) is not None:
            return found
        domains[variable] &= ~allowed
        if not domains[variable]:
            return None
    return None


def _propagate(domains: list[int], clauses: Sequence[Clause], budget: Budget) -> list[Clause] | None:
    """Narrow the domains by clauses with one way left; the clauses still open, or None for a contradiction."""
    pending: Sequence[Clause] = clauses
    while True:
        budget.spend(len(pending) + 1)
        changed = False
        still: list[Clause] = []
        for clause in pending:
            ways = _ways(clause, domains)
            if ways is None:
                continue
            if not ways:
                return None
            if len(ways) == 1:
                variable, allowed = ways[0]
                domains[variable] &= allowed
                changed = True
            else:
                still.append(ways)
        pending = still
        if not changed:
            return still


def _ways(clause: Clause, domains: Sequence[int]) -> list[tuple[int, int]] | None:
    """The literals that can still hold, or None where one already does whatever is picked."""
    ways = []
    for variable, allowed in clause:
        left = domains[variable] & allowed
        if left == domains[variable]:
            return None
        if left:
            ways.append((variable, allowed))
    return ways
