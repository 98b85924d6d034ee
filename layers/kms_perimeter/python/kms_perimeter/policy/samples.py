"""Values worth trying, made from the patterns and the bounds that a policy compares a condition key with.

For the shapes that are ranges, of numbers, dates or addresses, there is one in each range that the bounds leave, and it
is none of the values that are compared as a whole.
"""

from __future__ import annotations

from itertools import chain, count, islice
from typing import TYPE_CHECKING

from kms_perimeter.policy import readings
from kms_perimeter.policy.shapes import Glob, Network, Nothing, Span, Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from decimal import Decimal

    from kms_perimeter.policy.budget import Budget
    from kms_perimeter.policy.domains import Domain
    from kms_perimeter.policy.shapes import Shape

_ENDS_OF_ADDRESSES = ("7", "0.7", "0.0.7", ":7")
_UNREADABLE = ("anything", "something-else")


def of(made: Sequence[Shape], domain: Domain, budget: Budget) -> Iterator[str]:
    """Values for all shapes; not each of them is one that the domain has."""
    taken = {s.literal for s in made if s.literal is not None}
    for family, write in (("number", readings.write_number), ("date", readings.write_date)):
        if any(s.family == family for s in made):
            bounds = [s.bound for s in made if isinstance(s, Span) and s.family == family]
            budget.spend(len(bounds))
            yield from _numbers(bounds, write, domain, taken, budget)
            yield next(text for text in chain(_UNREADABLE, map("text-{}".format, count())) if text not in taken)
    networks = [s for s in made if isinstance(s, Network)]
    budget.spend(len(networks))
    yield from _addresses(networks, taken)
    if any(isinstance(s, Network | Nothing) and s.family == "address" for s in made) or domain.family == "address":
        yield next(text for n in count() if (text := f"203.0.{n >> 8 & 255}.{n & 255}") not in taken)
    for shape in made:
        if isinstance(shape, Truth):
            yield from ("true", "false")
        elif isinstance(shape, Glob):
            yield from _instances(shape, domain)
        elif shape.literal:
            yield from (shape.literal + "x", shape.literal.swapcase())


def _numbers(
    bounds: Sequence[Decimal], write: Callable[[Decimal], str], domain: Domain, taken: set[str], budget: Budget
) -> Iterator[str]:
    """For each bound and each range between bounds, a way to write a number there that is not taken."""
    for bound in dict.fromkeys(bounds):
        yield from islice(_free([bound], write, domain, taken, budget), 1)
    for low, high in readings.between(bounds):
        yield from islice(_free(readings.within(low, high, len(taken) + 2), write, domain, taken, budget), 1)


def _free(
    numbers: Iterable[Decimal], write: Callable[[Decimal], str], domain: Domain, taken: set[str], budget: Budget
) -> Iterator[str]:
    """Ways to write the numbers that the domain has and that are not taken."""
    for number in numbers:
        written = write(number)
        for text in (written.zfill(domain.lengths[0]), *_respelled(written, len(taken))):
            budget.spend()
            if text not in taken and domain.accepts(text):
                yield text


def _respelled(written: str, times: int) -> Iterator[str]:
    """Other ways to write a number or a date, with more digits behind the point."""
    end = next((n for n, letter in enumerate(written) if letter in "EZ"), len(written))
    point = "" if "." in written else "."
    for more in range(1, times + 2):
        yield written[:end] + point + "0" * more + written[end:]


def _addresses(networks: Sequence[Network], taken: set[str]) -> Iterator[str]:
    """In each range of addresses that the networks leave, one that is not taken."""
    for version in sorted({n.version for n in networks}):
        mine = [n for n in networks if n.version == version]
        top = (1 << readings.width(version)) - 1
        starts = sorted({0, *(n.first for n in mine), *(n.last + 1 for n in mine if n.last < top)})
        for start, end in zip(starts, [*starts[1:], top + 1], strict=True):
            tries = (readings.write_address(version, number) for number in range(start, end))
            yield from islice((text for text in tries if text not in taken), 1)


def _instances(glob: Glob, domain: Domain) -> Iterator[str]:
    """Values made from a pattern: real-looking, and often all that is needed."""
    sample = glob.sample
    yield from (sample, sample.lower(), sample.upper(), sample.swapcase(), sample + "x", sample + "0")
    if domain.family != "text":
        yield from (sample + end for end in (*(s[len(sample) :] for s in domain.samples), *_ENDS_OF_ADDRESSES))
    if domain.prefix and domain.only:
        body = sample.removeprefix(domain.prefix)
        yield from (domain.prefix + body.ljust(n, "0") for n in sorted(domain.only, reverse=True))
        yield from (domain.prefix + body.rjust(n, "0") for n in sorted(domain.only, reverse=True))
