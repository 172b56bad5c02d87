"""Exact arithmetic on money: `decimal` with contexts of our own, None in and None out.

Sums, differences and products are exact or they raise: the context traps `Inexact`, so no digit can be
rounded away unnoticed. Only a quotient is rounded, to 60 significant digits.

A context that is set for a whole column costs a third of one that is handed to every operation.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Underflow,
    localcontext,
)
from itertools import starmap
from typing import cast

_TRAPS = [InvalidOperation, DivisionByZero, Overflow, Underflow]

# A figure holds at most 100 digits and an exponent within ±100 (wire.py refuses more), so a product of two
# such figures, and a sum of any number of them, fits well inside 1,000 digits.
EXACT = Context(prec=1000, rounding=ROUND_HALF_EVEN, traps=[*_TRAPS, Inexact])
QUOTIENT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=_TRAPS)

ZERO = Decimal(0)


def add(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """Exact sum; None when a part is None."""
    return None if left is None or right is None else EXACT.add(left, right)


def subtract(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """Exact difference; None when a part is None."""
    return None if left is None or right is None else EXACT.subtract(left, right)


def multiply(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """Exact product; None when a factor is None."""
    return None if left is None or right is None else EXACT.multiply(left, right)


def divide(dividend: Decimal | None, divisor: Decimal | None) -> Decimal | None:
    """Quotient rounded to 60 significant digits; None when a part is None or the divisor is 0."""
    if dividend is None or divisor is None or not divisor:
        return None
    return QUOTIENT.divide(dividend, divisor)


def total(values: Iterable[Decimal | None]) -> Decimal | None:
    """Exact sum of all values; None as soon as one is None; 0 for no values at all."""
    return totals([values])[0]


def totals(columns: Iterable[Iterable[Decimal | None]]) -> list[Decimal | None]:
    """The `total` of each column."""
    with localcontext(EXACT):
        return [_total(list(column)) for column in columns]


def _total(amounts: list[Decimal | None]) -> Decimal | None:
    try:
        return sum(cast("list[Decimal]", amounts), ZERO)
    except TypeError:
        if any(amount is None for amount in amounts):
            return None
        raise


def pairwise(
    operation: Callable[[Decimal, Decimal], Decimal],
    left: Sequence[Decimal | None],
    right: Sequence[Decimal | None],
) -> list[Decimal | None]:
    """Exact sums, differences or products of the pairs of two columns; None where a part is None.

    `operation` is `operator.add`, `sub` or `mul`. Raises ValueError when one column is longer.
    """
    pairs = cast("Iterable[tuple[Decimal, Decimal]]", zip(left, right, strict=True))
    with localcontext(EXACT):
        try:
            return list(starmap(operation, pairs))
        except TypeError:
            return [
                None if one is None or other is None else operation(one, other)
                for one, other in zip(left, right, strict=True)
            ]


def unit_in_last_place(value: Decimal) -> Decimal:
    """The weight of the last digit that was printed: 0.01 for 12.30, 1 for 42."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101 - wire.py lets only finite figures in; for the type checker
    return Decimal((0, (1,), min(exponent, 0)))


def plain(value: Decimal) -> str:
    """Decimal text without an exponent, digits as they were received: `0.10` stays `0.10`."""
    return format(value, "f")
