"""How much a portfolio holds long and short: by instrument over all venues, or by tag."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from accountview.amounts import add, subtract, total
from accountview.view import Account, Instrument, Position, Side, builtin

By: TypeAlias = Literal["instrument", "tag"]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that a row lacks, so that a sum cannot be made: `account.explain(gap.field)` says why."""

    label: str
    """Of the account."""
    field: str
    """`positions/0/notional`."""


class Notionals(msgspec.Struct, frozen=True, kw_only=True):
    """Exposure in one currency, at the venues' valuation prices. None where a position lacks its notional."""

    currency: str
    positions: int
    """How many positions are counted in this currency, long and short."""
    long: Decimal | None
    """Unsigned."""
    short: Decimal | None
    """Unsigned."""
    net: Decimal | None
    """long − short: negative is short."""
    gross: Decimal | None
    """long + short."""
    gaps: tuple[Gap, ...]
    """The positions without a notional."""


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """All positions in one instrument, or under one tag. Amounts of different currencies are never added."""

    name: str
    """The instrument or the tag in words."""
    instrument: Instrument | None
    """None by tag, and for a venue's symbol that has no form that is known."""
    tag: str | None
    """None by instrument, and for accounts without a tag."""
    positions: int
    net_size: Decimal | None
    """Long minus short sizes in base units, over all currencies; None when a position lacks its size, and by tag:
    units of different things do not add up."""
    notionals: tuple[Notionals, ...]
    """By currency, sorted."""
    gaps: tuple[Gap, ...]
    """The positions without a size; none by tag."""


@dataclass(frozen=True, slots=True)
class _Holding:
    """One position, and where it is."""

    label: str
    number: int
    account: Account
    position: Position


def exposures(accounts: Iterable[Account], by: By) -> tuple[Exposure, ...]:
    """The exposure of these accounts, sorted by name; nothing for accounts without positions.

    By tag, an account with two tags counts under both, so these exposures do not add up to the whole; one without a
    tag counts under `tag=None`, so that none is left out.
    """
    holdings = [
        _Holding(account.label or account.account_id, number, account, position)
        for account in accounts
        for number, position in enumerate(account.positions)
    ]
    return _by_tag(holdings) if by == "tag" else _by_instrument(holdings)


def _by_instrument(holdings: Sequence[_Holding]) -> tuple[Exposure, ...]:
    groups: dict[tuple[str, Instrument | None], list[_Holding]] = {}
    for each in holdings:
        instrument = each.position.instrument
        # A symbol that is not understood means something at its own venue only.
        name = (
            f"{each.account.venue} {each.position.venue_symbol}" if instrument is None else _name(instrument)
        )
        groups.setdefault((name, instrument), []).append(each)
    return tuple(
        [
            _exposure(name, group, instrument=instrument, sized=True)
            for (name, instrument), group in sorted(groups.items(), key=lambda item: item[0][0])
        ]
    )


def _by_tag(holdings: Sequence[_Holding]) -> tuple[Exposure, ...]:
    tags = sorted({tag for each in holdings for tag in each.account.tags})
    groups = [(tag, [each for each in holdings if tag in each.account.tags]) for tag in tags]
    tagged = [_exposure(tag, group, tag=tag) for tag, group in groups]
    rest = [each for each in holdings if not each.account.tags]
    return (*tagged, *([_exposure("without a tag", rest)] if rest else ()))


def _exposure(
    name: str,
    holdings: Sequence[_Holding],
    *,
    instrument: Instrument | None = None,
    tag: str | None = None,
    sized: bool = False,
) -> Exposure:
    currencies = sorted({each.account.currency for each in holdings})
    return Exposure(
        name=name,
        instrument=instrument,
        tag=tag,
        positions=len(holdings),
        net_size=subtract(*_long_and_short(holdings, lambda position: position.size)) if sized else None,
        notionals=tuple(
            [
                _notionals(currency, [each for each in holdings if each.account.currency == currency])
                for currency in currencies
            ]
        ),
        gaps=_gaps(holdings, "size") if sized else (),
    )


def _notionals(currency: str, holdings: Sequence[_Holding]) -> Notionals:
    long, short = _long_and_short(holdings, lambda position: position.notional)
    return Notionals(
        currency=currency,
        positions=len(holdings),
        long=long,
        short=short,
        net=subtract(long, short),
        gross=add(long, short),
        gaps=_gaps(holdings, "notional"),
    )


def _gaps(holdings: Iterable[_Holding], figure: Literal["size", "notional"]) -> tuple[Gap, ...]:
    return tuple(
        [
            Gap(label=each.label, field=f"positions/{each.number}/{figure}")
            for each in holdings
            if getattr(each.position, figure) is None
        ]
    )


def _long_and_short(
    holdings: Iterable[_Holding], figure: Callable[[Position], Decimal | None]
) -> tuple[Decimal | None, Decimal | None]:
    positions = [each.position for each in holdings]
    long, short = (
        total(figure(each) for each in positions if each.side is side) for side in (Side.LONG, Side.SHORT)
    )
    return long, short


def _name(instrument: Instrument) -> str:
    parts = [f"{instrument.base}-{instrument.quote}", instrument.kind, instrument.expiry, instrument.strike]
    return " ".join(str(builtin(part)) for part in parts if part is not None)
