"""Figures, times and foreign text as a terminal may show them. Rounding is for reading: it happens only here."""

from datetime import timedelta
from decimal import Decimal

DASH = "—"
"""Stands for every figure that is not known."""

_SMALLEST_SHOWN = Decimal("0.01")


def neutral(text: str) -> str:
    """Text on one line that cannot steer a terminal: control, direction and invisible characters are replaced."""
    return "".join(character if character.isprintable() else "�" for character in text)


def amount(value: Decimal | None) -> str:
    """Two decimals and thousands separators; never 0.00 for something that is not 0."""
    if value is None:
        return DASH
    if not value:
        return "0.00"
    if abs(value) < _SMALLEST_SHOWN:
        return "<0.01" if value > 0 else ">-0.01"
    return f"{value:,.2f}"


def multiple(value: Decimal | None) -> str:
    """A leverage: `2.50×`."""
    return DASH if value is None else f"{amount(value)}×"


def age(span: timedelta) -> str:
    """In the largest unit that fits: `0 s`, `12 min`, `3 h`, `2 d`."""
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
