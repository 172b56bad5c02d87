"""Small steps that the mappings of several venues share: from what the wire says to what the view holds."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from accountview.amounts import total, totals
from accountview.view import Finding, Position

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def known(value: T | UnsetType | None) -> T | None:
    """The value; None when the key was absent or null.

    What is done for every row says it without this: the call takes longer than all that it does.
    """
    return None if value is UNSET else value


def time_from_microseconds(count: int) -> datetime | None:
    """Microseconds since 1970 as a UTC time, exactly; None for 0 and for anything no clock shows."""
    if not 0 < count < 253_402_300_800_000_000:  # the year 10000
        return None
    return _EPOCH + timedelta(microseconds=count)


def sum_over(positions: Iterable[Position], figure: str) -> Decimal | None:
    """Exact sum of one figure of all positions; None as soon as one of them is None; 0 for no positions at all."""
    return total(map(attrgetter(figure), positions))


def sums_over(positions: Collection[Position], figures: Sequence[str]) -> dict[str, Decimal | None]:
    """Figure → `sum_over` of it; two figures at least."""
    columns = zip(*map(attrgetter(*figures), positions), strict=True) if positions else [()] * len(figures)
    return dict(zip(figures, totals(columns), strict=True))


def without_duplicates(positions: tuple[Position, ...]) -> tuple[tuple[Position, ...], tuple[Finding, ...]]:
    """The rows with identical ones taken once, and a finding for each row that stood more than once.

    Rows that share a key but differ are all kept: they are a contradiction of the venue, not a copy.
    """
    if len({position.venue_symbol for position in positions}) == len(positions):
        return positions, ()
    kept: dict[Hashable, Position] = {}
    keys: set[Hashable] = set()
    findings: list[Finding] = []
    for position in positions:
        row = (*msgspec.structs.astuple(position)[:-1], *position.missing.items())
        if row in kept:
            findings.append(
                _finding("DUPLICATE_ROW", position, "the same row stands twice; it is counted once")
            )
            continue
        if position.key in keys:
            findings.append(
                _finding("CONFLICTING_ROWS", position, "two different rows describe one position")
            )
        kept[row] = position
        keys.add(position.key)
    return tuple(kept.values()), tuple(findings)


def _finding(code: str, position: Position, problem: str) -> Finding:
    return Finding(
        code=code, fields=("positions",), message=f"{position.venue_symbol} {position.side}: {problem}"
    )
