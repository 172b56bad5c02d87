"""The two answers of Tread.fi that hold balances, brought to one form: what the exchanges say, and the cache of it.

They name the same things differently; after this module nobody needs to know which one was asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET

from accountview.amounts import total
from accountview.mapping import known, time_from_microseconds
from accountview_clients.tread.models import (
    AccountBalances,
    Asset,
    AssetType,
    CachedAsset,
    CachedBalance,
    MarketType,
    WalletEquity,
)


class Token(msgspec.Struct, frozen=True, gc=False):
    """What an account has of one coin in one wallet. Margin figures and profits are in coins."""

    symbol: str
    wallet: str | None
    size: Decimal | None
    borrowed: Decimal | None
    notional: Decimal | None
    unrealized_profit: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    margin_balance: Decimal | None
    available: Decimal | None
    share: Decimal | None
    """Of all rows of the same wallet."""

    @property
    def holds_nothing(self) -> bool:
        """Whether it has no figure but zeros."""
        return _are_zeros(
            self.size, self.notional, self.unrealized_profit, self.initial_margin, self.maintenance_margin
        )


Figure: TypeAlias = Decimal | None
PositionRow: TypeAlias = tuple[
    str,  # symbol
    str | None,  # wallet
    Figure,  # size
    Figure,  # notional
    Figure,  # unrealized_profit
    Figure,  # initial_margin
    Figure,  # maintenance_margin
    Figure,  # leverage
    Figure,  # share: of all rows of the same wallet
]
"""A position. Margin figures and profits are in coins. There may be hundreds, and a tuple is made in no time."""
SYMBOL: Final = 0
WALLET: Final = 1
SIZE: Final = 2
NOTIONAL: Final = 3
SHARE: Final = 8


def _contradiction(row: PositionRow) -> str | None:
    """Why a position cannot be read; None when it can."""
    _, _, size, notional, *figures, _, _ = row
    if size is None:
        return "a position without a size has no side"
    if not size and not _are_zeros(notional, *figures):
        return "a position of size 0 with figures has no side"
    if notional and size.is_signed() != notional.is_signed():
        return "size and notional of a position contradict each other"
    return None


def _are_zeros(*figures: Figure) -> bool:
    return not any(figures)


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What only a cached balance says."""

    equity: Decimal | None
    from_wallets: bool
    """Whether `equity` was added up from the wallets."""
    time: datetime | None
    time_sent: bool


class Holdings(msgspec.Struct, frozen=True):
    """What one account holds."""

    name: str
    exchange: str | None
    kinds: tuple[AssetType, ...]
    """Of all its rows, in their order."""
    tokens: tuple[Token, ...]
    positions: Sequence[PositionRow]
    place: str
    """Where it stands in the answer, for errors."""
    unlisted_wallets: tuple[str, ...] = ()
    """The words for a wallet that the spec does not list."""
    cache: CacheEntry | None = None
    """None when the exchange itself was asked."""

    def problem(self) -> tuple[str, str] | None:
        """The place of a row whose meaning is not certain, and why; it would be wealth, exposure or a side by guess."""
        if len(self.tokens) + len(self.positions) != len(self.kinds):
            number = next(number for number, kind in enumerate(self.kinds) if kind not in (_TOKEN, _POSITION))
            return f"{self.place}.assets[{number}].asset_type", "an asset type that the spec does not list"
        for place, row in enumerate(self.positions):
            size, notional = row[SIZE], row[NOTIONAL]
            if size and notional and size.is_signed() == notional.is_signed():
                continue  # as nearly all are
            why = _contradiction(row)
            if why is not None:
                numbers = [number for number, kind in enumerate(self.kinds) if kind is _POSITION]
                return f"{self.place}.assets[{numbers[place]}]", why
        return None


_TOKEN, _POSITION = AssetType.TOKEN, AssetType.POSITION


# As the exchange has it ------------------------------------------------------------------------------------------


def live(name: str, balances: AccountBalances) -> Holdings:
    """An account as the exchange has it."""
    assets = balances.assets
    # Words as text that all rows share.
    wallets = {
        word: _WALLETS.get(word, str(word)) for word in dict.fromkeys([each.market_type for each in assets])
    }
    return Holdings(
        name=name,
        exchange=balances.exchange,
        kinds=tuple([each.asset_type for each in assets]),
        tokens=tuple([_live_token(each, wallets) for each in assets if each.asset_type is _TOKEN]),
        positions=[
            (
                each.symbol,
                wallets[each.market_type],
                each.size,
                None if each.notional is UNSET else each.notional,
                None if each.unrealized_profit is UNSET else each.unrealized_profit,
                None if each.initial_margin is UNSET else each.initial_margin,
                None if each.maint_margin is UNSET else each.maint_margin,
                None if each.leverage is UNSET else each.leverage,
                None if each.notional_pct_total is UNSET else each.notional_pct_total,
            )
            for each in assets
            if each.asset_type is _POSITION
        ],
        place="$[...]",  # no name in it: an error says whose account it is anyway
        unlisted_wallets=tuple([wallet for word, wallet in wallets.items() if word not in _WALLETS]),
    )


_WALLETS: Mapping[str, str] = {wallet: wallet.value for wallet in MarketType}


def _live_token(asset: Asset, wallets: Mapping[MarketType, str]) -> Token:
    return Token(
        symbol=asset.symbol,
        wallet=wallets[asset.market_type],
        size=asset.size,
        borrowed=None,
        notional=known(asset.notional),
        unrealized_profit=known(asset.unrealized_profit),
        initial_margin=known(asset.initial_margin),
        maintenance_margin=known(asset.maint_margin),
        margin_balance=known(asset.margin_balance),
        available=None,
        share=known(asset.notional_pct_total),
    )


# As the cache has it ---------------------------------------------------------------------------------------------


def cached(number: int, balance: CachedBalance) -> Holdings:
    """An account as the cache has it; `number` is its place in the answer."""
    assets = known(balance.assets) or []
    equity = known(balance.equity)
    milliseconds = known(balance.timestamp_millis)
    return Holdings(
        name=balance.account_name,
        exchange=known(balance.exchange_name) or known(balance.exchange),
        kinds=tuple([each.asset_type for each in assets]),
        tokens=tuple([_cached_token(each) for each in assets if each.asset_type is _TOKEN]),
        positions=[_cached_position(each) for each in assets if each.asset_type is _POSITION],
        place=f"$.balances[{number}]",
        # The spec lists no words for wallets here: builders of markets name wallets.
        cache=CacheEntry(
            equity=_sum_of_wallets(known(balance.equities) or []) if equity is None else equity,
            from_wallets=equity is None,
            time=None if milliseconds is None else time_from_microseconds(milliseconds * 1000),
            time_sent=milliseconds is not None,
        ),
    )


def _sum_of_wallets(wallets: Sequence[WalletEquity]) -> Decimal | None:
    return total([known(wallet.total_equity) for wallet in wallets]) if wallets else None


def _cached_token(asset: CachedAsset) -> Token:
    return Token(
        symbol=asset.symbol,
        wallet=_cached_wallet(asset),
        size=_cached_size(asset),
        borrowed=known(asset.borrowed),
        notional=known(asset.notional),
        unrealized_profit=known(asset.unrealized_profit),
        initial_margin=known(asset.initial_margin),
        maintenance_margin=known(asset.maint_margin),
        margin_balance=known(asset.margin_balance),
        available=known(asset.available_balance),
        share=None,
    )


def _cached_position(asset: CachedAsset) -> PositionRow:
    return (
        asset.symbol,
        _cached_wallet(asset),
        _cached_size(asset),
        known(asset.notional),
        known(asset.unrealized_profit),
        known(asset.initial_margin),
        known(asset.maint_margin),
        known(asset.leverage),
        None,
    )


def _cached_wallet(asset: CachedAsset) -> str | None:
    return known(asset.wallet_type) or known(asset.market_type)


def _cached_size(asset: CachedAsset) -> Decimal | None:
    amount = known(asset.amount)
    return known(asset.size) if amount is None else amount
