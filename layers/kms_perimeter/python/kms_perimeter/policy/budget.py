"""The bound on the search: so many steps, and then the answer is `undecided`."""

from __future__ import annotations


class BoundReached(Exception):
    """The search has used up its steps."""


class Budget:
    """Steps left. Counted rather than timed, so that the same policy always gets the same answer."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Use some steps.

        Raises:
            BoundReached: none are left.
        """
        self.left -= steps
        if self.left < 0:
            raise BoundReached
