"""What an account that is kept holds in memory, for each of its positions."""

import gc
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal

import msgspec
from benchmarks import payloads
from benchmarks.measuring import Result
from benchmarks.parsing import SIZES, exponent
from benchmarks.reading import Case

from accountview.view import Account, Position

OF_DECIMAL = 104
"""Bytes of a Decimal of up to 19 digits."""
BESIDE = 200
"""Bytes that a position may hold beside its Decimals."""


def memory(_rounds: int) -> Iterator[Result]:
    """Bytes retained per position, and how they grow."""
    for venue in payloads.VENUES:
        Case(venue, 10).account()  # what is made once is made
        held = [_retained(venue, size) for size in SIZES]
        position = held[2][1].positions[0]
        decimals = sum(isinstance(value, Decimal) for value in msgspec.structs.astuple(position))
        per_position = (held[2][0] - held[1][0]) / (SIZES[2] - SIZES[1])
        detail = ", ".join(f"{size}: {total:,} bytes" for size, (total, _) in zip(SIZES, held, strict=True))
        yield Result(
            f"{venue}: memory per position",
            f"{decimals} Decimals",
            per_position,
            "bytes",
            OF_DECIMAL * decimals + BESIDE,
            detail=_without_decimals(position),
        )
        yield Result(
            f"{venue}: memory from {SIZES[0]} to {SIZES[-1]} positions",
            "positions",
            exponent(SIZES, [float(total) for total, _ in held]),
            "exponent",
            1.05,
            detail=detail,
        )


def _retained(venue: str, size: int) -> tuple[int, Account]:
    case = Case(venue, size)
    case.account()  # its instruments are known by now, as those of the markets of a venue are
    gc.collect()
    tracemalloc.start()
    try:
        account = case.account()
        gc.collect()
        return tracemalloc.get_traced_memory()[0], account
    finally:
        tracemalloc.stop()


def _without_decimals(position: Position) -> str:
    symbol = position.venue_symbol.__sizeof__()
    return f"the Struct itself {position.__sizeof__()} bytes, its symbol {symbol}"
