"""What the search takes a value of a policy for: a set of texts, which it can ask about membership and take apart.

The evaluator compares values one by one (`comparisons`); the search must know which values a policy can tell apart.
The two share no code on purpose: each escape that the search finds is checked by the evaluator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from kms_perimeter.policy import readings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    Parts = Sequence[tuple[str, bool]]
    """A text in parts, each with whether ``*`` and ``?`` are wildcards in it."""
    MakeShape = Callable[[Parts], "Shape"]

_ARN_COLONS = 5


class Shape(Protocol):
    """A set of texts."""

    @property
    def literal(self) -> str | None:
        """The only member, where there is just one."""
        ...

    @property
    def family(self) -> str:
        """What a text is read as, to ask whether it is a member: ``text``, ``number``, ``date`` or ``address``."""
        ...

    def accepts(self, value: str) -> bool:
        """Whether the text is a member."""
        ...


class Nothing:
    """No text at all: an unreadable number, an ARN with too few fields."""

    __slots__ = ("family",)
    literal: ClassVar[str | None] = None

    def __init__(self, family: str) -> None:
        self.family = family

    def accepts(self, value: str) -> bool:  # noqa: ARG002
        """Never."""
        return False


class Word:
    """One text and no other."""

    __slots__ = ("literal",)
    family: ClassVar[str] = "text"

    def __init__(self, literal: str) -> None:
        self.literal = literal

    def accepts(self, value: str) -> bool:
        """Whether it is this text."""
        return value == self.literal


class Glob:
    """A pattern as a small automaton: a bit for each place in the pattern that a reading may have reached.

    Attributes:
        final: the bit that is set once the pattern has been read to its end.
        literal: the only member, where the pattern has no wildcard.
    """

    __slots__ = ("_letters", "_loop", "_loop_in_field", "_one", "_one_in_field", "final", "literal", "sample")
    family: ClassVar[str] = "text"

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
        # As `step`, letter by letter, but this is where the search spends its time.
        state, letters, one, loop = 1, self._letters, self._one, self._loop
        in_field, loop_in_field = self._one_in_field, self._loop_in_field
        for letter in value:
            on, stay = letters.get(letter, 0) | one, loop
            if letter != ":":
                on, stay = on | in_field, stay | loop_in_field
            state = ((state & on) << 1) | (state & stay)
            if not state:
                return False
        return bool(state & self.final)


class Span:
    """Numbers or dates on one side of a bound, or the bound itself."""

    __slots__ = ("_read", "bound", "family", "relation")
    literal: ClassVar[str | None] = None

    def __init__(self, relation: str, bound: Decimal, family: str) -> None:
        self.relation = relation
        self.bound = bound
        self.family = family
        self._read = READERS[family]

    def accepts(self, value: str) -> bool:
        """Whether the value stands to the bound as the relation says."""
        read = self._read(value)
        if read is None:
            return False
        if read == self.bound:
            return "=" in self.relation
        return (read < self.bound) if "<" in self.relation else ">" in self.relation and read > self.bound


READERS: dict[str, Callable[[str], Decimal | None]] = {"number": readings.number, "date": readings.date}
"""The families in which a text that cannot be read is neither equal nor unequal to anything."""


class Readable:
    """The texts that can be read as what the family says."""

    __slots__ = ("_read", "family")
    literal: ClassVar[str | None] = None

    def __init__(self, family: str) -> None:
        self.family = family
        self._read = READERS[family]

    def accepts(self, value: str) -> bool:
        """Whether the text can be read."""
        return self._read(value) is not None


class Network:
    """The addresses of a CIDR block, as a range of integers in one address family."""

    __slots__ = ("first", "last", "version")
    literal: ClassVar[str | None] = None
    family: ClassVar[str] = "address"

    def __init__(self, version: int, first: int, last: int) -> None:
        self.version = version
        self.first = first
        self.last = last

    def accepts(self, value: str) -> bool:
        """Whether the address is of this family and in the range."""
        read = readings.address(value)
        return read is not None and read[0] == self.version and self.first <= read[1] <= self.last


class Truth:
    """``true`` in any case, or everything else."""

    __slots__ = ("wanted", "yes")
    literal: ClassVar[str | None] = None
    family: ClassVar[str] = "text"

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted
        self.yes = Glob([("true", False)], fold=True)

    def accepts(self, value: str) -> bool:
        """Whether the value says the wanted thing."""
        return self.yes.accepts(value) is self.wanted


def _joined(parts: Parts) -> str:
    return "".join(text for text, _ in parts)


def word(parts: Parts) -> Shape:
    """Just this text; a star is a star."""
    return Word(_joined(parts))


def folded(parts: Parts) -> Shape:
    """This text in any case."""
    return Glob([(_joined(parts), False)], fold=True)


def glob(parts: Parts) -> Shape:
    """A pattern with wildcards."""
    return Glob(parts)


def arn(parts: Parts) -> Shape:
    """An ARN pattern: six fields, and a wildcard stays in its field but for the last."""
    return Glob(parts, fields=True) if _joined(parts).count(":") >= _ARN_COLONS else Nothing("")


def truth(parts: Parts) -> Shape:
    """``true`` or not."""
    return Truth(wanted=_joined(parts).casefold() == "true")


def network(parts: Parts) -> Shape:
    """A CIDR block, or a single address; nothing where it is neither."""
    base, slash, bits = _joined(parts).partition("/")
    read = readings.address(base)
    if read is None or (slash and not (bits.isascii() and bits.isdecimal())):
        return Nothing("address")
    version, address = read
    free = readings.width(version) - int(bits) if slash else 0
    if free < 0:
        return Nothing("address")
    first = address >> free << free
    return Network(version, first, first | ((1 << free) - 1))


def _span(relation: str, family: str) -> MakeShape:
    read = READERS[family]

    def make(parts: Parts) -> Shape:
        bound = read(_joined(parts))
        return Nothing(family) if bound is None or not bound.is_finite() else Span(relation, bound, family)

    return make


def number(relation: str) -> MakeShape:
    """Numbers that stand so to the value."""
    return _span(relation, "number")


def date(relation: str) -> MakeShape:
    """Dates that stand so to the value."""
    return _span(relation, "date")
