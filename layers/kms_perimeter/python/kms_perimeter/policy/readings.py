"""Numbers, dates and addresses as the search reads and writes them.

The evaluator has readings of its own (`comparisons`); the two are kept apart on purpose.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, ROUND_FLOOR, Context, Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_DIGITS = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = Context(prec=400, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_DATE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?", re.ASCII)
_SECONDS = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_ZONE = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)


def address(text: str) -> tuple[int, int] | None:
    """Version, 4 or 6, and number of an IP address, or None."""
    import socket  # noqa: PLC0415  (takes longer to import than the rest of the engine, and few policies need it)

    for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        try:
            return version, int.from_bytes(socket.inet_pton(family, text), "big")
        except (OSError, ValueError):
            continue
    return None


def width(version: int) -> int:
    """How many bits an address of this version has."""
    return 32 if version == 4 else 128  # noqa: PLR2004


def write_address(version: int, number: int) -> str:
    """The address of this number."""
    import socket  # noqa: PLC0415

    family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004
    return socket.inet_ntop(family, number.to_bytes(width(version) // 8, "big"))


def number(text: str) -> Decimal | None:
    """A number, exactly, or None."""
    if not text or text.strip("0123456789+-.eE") or text[0] in "eE":
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def date(text: str) -> Decimal | None:
    """Seconds since 1970 of a date as W3C profiles ISO 8601, or of a number of seconds; None where it is neither."""
    if _SECONDS.fullmatch(text):
        return number(text)
    found = _DATE.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        day_of_it = datetime(int(year), int(month), int(day or 1), tzinfo=UTC)
        moment = day_of_it.replace(hour=int(hour or 0), minute=int(minute or 0), second=int(second or 0))
    except ValueError:
        return None
    offset = _offset(zone)
    if offset is None:
        return None
    whole = (moment - _EPOCH) // timedelta(seconds=1) - offset
    return _EXACT.add(Decimal(whole), Decimal(fraction or 0))


def _offset(zone: str | None) -> int | None:
    """Seconds by which the zone's clocks are ahead, or None where there is no such zone."""
    found = _ZONE.fullmatch(zone or "")
    if not found:
        return 0
    sign, hours, minutes = found.groups()
    ahead = int(hours) * 60 + int(minutes)
    return None if int(hours) > 23 or int(minutes) > 59 else (ahead if sign == "+" else -ahead) * 60  # noqa: PLR2004


def write_number(value: Decimal) -> str:
    """The number in digits, or with an exponent where that would be long."""
    return format(value, "f") if abs(value.adjusted()) < _MOST_DIGITS else str(value)


def write_date(seconds: Decimal) -> str:
    """A date in ISO 8601, or beyond the calendar the seconds since 1970."""
    whole = seconds.to_integral_value(ROUND_FLOOR)
    try:
        moment = (_EPOCH + timedelta(seconds=int(whole))).isoformat()
    except OverflowError:
        return write_number(seconds)
    fraction = f"{_EXACT.subtract(seconds, whole):f}".removeprefix("0") if seconds != whole else ""
    return moment.replace("+00:00", f"{fraction}Z")


def between(bounds: Sequence[Decimal]) -> list[tuple[Decimal | None, Decimal | None]]:
    """The open ranges that the bounds leave: below all, above all, and between each two."""
    ordered = sorted(set(bounds))
    return [(None, ordered[0]), (ordered[-1], None), *pairwise(ordered)] if ordered else [(None, None)]


def within(low: Decimal | None, high: Decimal | None, tries: int) -> list[Decimal]:
    """Numbers strictly between two bounds, the plainest first."""
    ones = [Decimal(n) for n in range(1, tries + 1)]
    steps = ones if low is None and high is None else []
    if low is not None:
        steps += [_EXACT.add(low, n) for n in (*ones, low.copy_abs())]
    if high is not None:
        steps += [_EXACT.subtract(high, n) for n in (*ones, high.copy_abs())]
    if low is not None and high is not None:
        steps.append(_EXACT.divide(_EXACT.add(low, high), Decimal(2)))
    return [n for n in steps if n.is_finite() and (low is None or n > low) and (high is None or n < high)]
