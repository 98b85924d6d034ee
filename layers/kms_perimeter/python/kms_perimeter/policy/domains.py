"""What the values of a condition key can look like, whatever a policy says of them."""

from __future__ import annotations

from itertools import chain, islice, product
from typing import TYPE_CHECKING

from kms_perimeter.policy import readings
from kms_perimeter.policy.context_keys import Kind
from kms_perimeter.policy.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kms_perimeter.policy.context_keys import ContextKey

_HEX = frozenset("0123456789abcdef")
_DIGITS = frozenset("0123456789")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_SERVICE = _LOWER | {".", "_"}
MANY = 1 << 30
"""Longer than any value."""
_READERS: dict[str, Callable[[str], object]] = {
    "number": readings.number,
    "date": readings.date,
    "address": readings.address,
}


@record
class Domain:
    """What a value can look like: a prefix, then letters of one set, so many of them.

    Attributes:
        prefix: what each value starts with.
        letters: what the rest is made of; None for anything.
        lengths: how long the rest can be: the shortest and the longest.
        only: where given, the only lengths.
        samples: real-looking values, the simplest first.
        family: what its values are read as, as of a shape.
        closed: whether the samples are all the values there are.
    """

    prefix: str = ""
    letters: frozenset[str] | None = None
    lengths: tuple[int, int] = (0, MANY)
    only: frozenset[int] | None = None
    samples: tuple[str, ...] = ()
    family: str = "text"
    closed: bool = False

    def accepts(self, value: str) -> bool:
        """Whether a request can carry this value."""
        if self.closed:
            return value in self.samples
        rest = value[len(self.prefix) :]
        return (
            value.startswith(self.prefix)
            and self.fits(len(rest))
            and (self.letters is None or self.letters.issuperset(rest))
            and (self.family == "text" or _READERS[self.family](value) is not None)
        )

    def fresh(self, taken: Iterable[str]) -> str:
        """A possible value that is none of those taken; the plainest one where all of them are."""
        free = self.free(taken)
        return self.samples[0] if free is None else free

    def free(self, taken: Iterable[str]) -> str | None:
        """A possible value that is none of those taken, or None where all of them are."""
        used = set(taken)
        for sample in self.samples:
            if sample not in used and self.accepts(sample):
                return sample
        numbered = map(self._numbered, range(len(used) + 1))
        for made in chain(numbered, islice(self._spelled(), len(used) + 1)):
            if made not in used and self.accepts(made):
                return made
        return None

    def _spelled(self) -> Iterator[str]:
        """The values letter by letter, where that is how they are made; the shortest first."""
        if self.letters is None or self.only or self.family != "text":
            return
        for length in range(self.lengths[0], self.lengths[1] + 1):
            yield from (self.prefix + "".join(rest) for rest in product(sorted(self.letters), repeat=length))

    def _numbered(self, number: int) -> str:
        if self.only:
            return f"{self.prefix}{number:0{max(self.only)}x}"
        if self.lengths[1] < MANY:
            return f"{self.prefix}{number:0{self.lengths[0]}d}"
        name, dot, rest = self.samples[0].partition(".")
        return f"{name}{number}{dot}{rest}"

    def fits(self, length: int) -> bool:
        """Whether the rest can have this length."""
        return self.lengths[0] <= length <= self.lengths[1] and (self.only is None or length in self.only)


_IDS = (8, 17)
DOMAINS: dict[Kind, Domain] = {
    Kind.TEXT: Domain(samples=("anything", "something-else")),
    Kind.ARN: Domain(samples=("arn:aws:s3:::anything", "arn:aws:s3:::something-else")),
    Kind.BOOL: Domain(samples=("false", "true"), closed=True),
    Kind.NUMBER: Domain(samples=("7", "8"), family="number"),
    Kind.DATE: Domain(samples=("2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z"), family="date"),
    Kind.IP: Domain(samples=("203.0.113.7", "198.51.100.23", "2001:db8::7"), family="address"),
    Kind.VPCE: Domain("vpce-", _HEX, _IDS, frozenset(_IDS), ("vpce-0a1b2c3d4e5f60718", "vpce-0f1e2d3c4b5a69788")),
    Kind.VPC: Domain("vpc-", _HEX, _IDS, frozenset(_IDS), ("vpc-0a1b2c3d4e5f60718", "vpc-0f1e2d3c4b5a69788")),
    Kind.ACCOUNT: Domain("", _DIGITS, (12, 12), None, ("999988887777", "777766665555")),
    Kind.ORGANISATION: Domain("o-", _LOWER - {"-"}, (10, 32), None, ("o-a1b2c3d4e5", "o-z9y8x7w6v5")),
    Kind.SERVICE: Domain("", _SERVICE, (5, MANY), None, ("s3.amazonaws.com", "athena.amazonaws.com")),
    Kind.REGIONAL_SERVICE: Domain(
        "", _SERVICE, (5, MANY), None, ("s3.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com")
    ),
    Kind.REGION: Domain("", _LOWER, (1, 32), None, ("us-east-1", "eu-central-1")),
}


def of(key: ContextKey | None) -> Domain:
    """The domain of a condition key; of one that is not known, any text."""
    if key and key.choices:
        return Domain(samples=key.choices, closed=True)
    return DOMAINS[key.kind if key else Kind.TEXT]
