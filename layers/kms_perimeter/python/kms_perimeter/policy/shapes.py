"""What the search takes a value of a policy for: a set of texts, which it can ask about membership and take apart.

The evaluator compares values one by one (`comparisons`); the search must know which values a policy can tell apart.
The two share no code on purpose: each escape that the search finds is checked by the evaluator.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Parts = Sequence[tuple[str, bool]]
    """A text in parts, each with whether ``*`` and ``?`` are wildcards in it."""
    MakeShape = Callable[[Parts], "Shape"]

_ARN_COLONS = 5
_MOST_DIGITS = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = Context(prec=400, traps=[])


class Shape(Protocol):
    """A set of texts."""

    literal: str | None
    """The only member, where there is just one."""

    def accepts(self, value: str) -> bool:
        """Whether the text is a member."""
        ...


class Nothing:
    """No text at all: an unreadable number, an ARN with too few fields."""

    literal: str | None = None

    def accepts(self, value: str) -> bool:  # noqa: ARG002
        """Never."""
        return False


class Glob:
    """A pattern as a small automaton: a bit for each place in the pattern that a reading may have reached.

    Attributes:
        final: the bit that is set once the pattern has been read to its end.
        literal: the only member, where the pattern has no wildcard.
    """

    __slots__ = ("_letters", "_loop", "_loop_in_field", "_one", "_one_in_field", "final", "literal", "sample")

    def __init__(self, parts: Parts, *, fold: bool = False, fields: bool = False) -> None:
        self._letters: dict[str, int] = {}
        self._one = self._one_in_field = self._loop = self._loop_in_field = 0
        place, colons, bare = 1, 0, True
        sample: list[str] = []
        for text, wild in parts:
            for letter in text:
                in_field = fields and colons < _ARN_COLONS
                if wild and letter == "*":
                    bare = False
                    if in_field:
                        self._loop_in_field |= place
                    else:
                        self._loop |= place
                    continue
                if wild and letter == "?":
                    bare = False
                    if in_field:
                        self._one_in_field |= place
                    else:
                        self._one |= place
                    sample.append("0")
                else:
                    for spelling in {letter, letter.lower(), letter.upper()} if fold else (letter,):
                        if len(spelling) == 1:
                            self._letters[spelling] = self._letters.get(spelling, 0) | place
                    sample.append(letter)
                colons += letter == ":"
                place <<= 1
        self.final = place
        self.sample = "".join(sample)
        self.literal = self.sample if bare and not fold else None

    def step(self, state: int, letter: str) -> int:
        """The places reached from those of `state` by reading one more letter."""
        on = self._letters.get(letter, 0) | self._one
        stay = self._loop
        if letter != ":":
            on |= self._one_in_field
            stay |= self._loop_in_field
        return ((state & on) << 1) | (state & stay)

    def letters(self, state: int) -> set[str]:
        """The letters that lead on from here in a way of their own."""
        found = {letter for letter, places in self._letters.items() if places & state}
        if state & (self._one_in_field | self._loop_in_field):
            found.add(":")
        return found

    def accepts(self, value: str) -> bool:
        """Whether the whole text is read to the pattern's end."""
        state = 1
        for letter in value:
            state = self.step(state, letter)
            if not state:
                return False
        return bool(state & self.final)


class Span:
    """Numbers or dates on one side of a bound, or the bound itself."""

    __slots__ = ("_read", "bound", "literal", "relation")

    def __init__(self, relation: str, bound: Decimal, read: Callable[[str], Decimal | None]) -> None:
        self.relation = relation
        self.bound = bound
        self._read = read
        self.literal: str | None = None

    def reads(self, value: str) -> bool:
        """Whether the text is a number, or a date, at all."""
        return self._read(value) is not None

    def accepts(self, value: str) -> bool:
        """Whether the value stands to the bound as the relation says."""
        read = self._read(value)
        if read is None:
            return False
        if read == self.bound:
            return "=" in self.relation
        return (read < self.bound) if "<" in self.relation else ">" in self.relation and read > self.bound


class Network:
    """The addresses of a CIDR block, as a range of integers in one address family."""

    __slots__ = ("family", "first", "last", "literal")

    def __init__(self, family: int, first: int, last: int) -> None:
        self.family = family
        self.first = first
        self.last = last
        self.literal: str | None = None

    def accepts(self, value: str) -> bool:
        """Whether the address is of this family and in the range."""
        read = read_address(value)
        return read is not None and read[0] == self.family and self.first <= read[1] <= self.last


class Truth:
    """``true``, or everything else."""

    __slots__ = ("literal", "wanted")

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted
        self.literal: str | None = None

    def accepts(self, value: str) -> bool:
        """Whether the value says the wanted thing."""
        return (value.casefold() == "true") is self.wanted


def _joined(parts: Parts) -> str:
    return "".join(text for text, _ in parts)


def word(parts: Parts) -> Shape:
    """Just this text; a star is a star."""
    return Glob([(_joined(parts), False)])


def folded(parts: Parts) -> Shape:
    """This text in any case."""
    return Glob([(_joined(parts), False)], fold=True)


def glob(parts: Parts) -> Shape:
    """A pattern with wildcards."""
    return Glob(parts)


def arn(parts: Parts) -> Shape:
    """An ARN pattern: six fields, and a wildcard stays in its field but for the last."""
    return Glob(parts, fields=True) if _joined(parts).count(":") >= _ARN_COLONS else Nothing()


def truth(parts: Parts) -> Shape:
    """``true`` or not."""
    return Truth(wanted=_joined(parts).casefold() == "true")


def network(parts: Parts) -> Shape:
    """A CIDR block, or a single address; nothing where it is neither."""
    base, slash, bits = _joined(parts).partition("/")
    read = read_address(base)
    if read is None or (slash and not bits.isdecimal()):
        return Nothing()
    family, address = read
    width = 32 if family == socket.AF_INET else 128
    free = width - int(bits) if slash else 0
    if free < 0:
        return Nothing()
    first = address >> free << free
    return Network(family, first, first | ((1 << free) - 1))


def read_address(text: str) -> tuple[int, int] | None:
    """Address family and number of an IP address, or None."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return family, int.from_bytes(socket.inet_pton(family, text), "big")
        except (OSError, ValueError):
            continue
    return None


def write_address(family: int, number: int) -> str:
    """The address of this number."""
    size = 4 if family == socket.AF_INET else 16
    return socket.inet_ntop(family, number.to_bytes(size, "big"))


def read_number(text: str) -> Decimal | None:
    """A number, exactly, or None."""
    if not text or text.strip("0123456789+-.eE") or text[0] in "eE":
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def read_date(text: str) -> Decimal | None:
    """Seconds since 1970 of a date in ISO 8601 or in seconds, or None."""
    if text.lstrip("+-").replace(".", "", 1).isdecimal():
        return read_number(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return Decimal(since // timedelta(microseconds=1)).scaleb(-6)


def write_number(value: Decimal) -> str:
    """The number in digits, or with an exponent where that would be long."""
    return format(value, "f") if abs(value.adjusted()) < _MOST_DIGITS else str(value)


def write_date(seconds: Decimal) -> str | None:
    """A date in ISO 8601, or None beyond the calendar."""
    try:
        return (_EPOCH + timedelta(seconds=float(seconds))).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None


def _span(relation: str, read: Callable[[str], Decimal | None]) -> MakeShape:
    def make(parts: Parts) -> Shape:
        bound = read(_joined(parts))
        return Nothing() if bound is None or not bound.is_finite() else Span(relation, bound, read)

    return make


def number(relation: str) -> MakeShape:
    """Numbers that stand so to the value."""
    return _span(relation, read_number)


def date(relation: str) -> MakeShape:
    """Dates that stand so to the value."""
    return _span(relation, read_date)


def around(bounds: Sequence[Decimal]) -> list[Decimal]:
    """A number below all bounds, one above all, each bound, and one between each two: what bounds can tell apart."""
    ordered = sorted(set(bounds))
    if not ordered:
        return []
    between = [_EXACT.divide(_EXACT.add(a, b), Decimal(2)) for a, b in pairwise(ordered)]
    beyond = [_EXACT.subtract(ordered[0], Decimal(1)), _EXACT.add(ordered[-1], Decimal(1))]
    return [number for number in (*beyond, *ordered, *between) if number.is_finite()]
