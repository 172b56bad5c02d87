"""The two answers of Tread.fi that hold balances, brought to one form: what the exchanges say, and the cache of it.

They name the same things differently; after this module nobody needs to know which one was asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

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


class Row(msgspec.Struct, frozen=True, gc=False):
    """A token or a position. Margin figures and profits are in coins."""

    number: int
    """Which one of its account's rows it is, for errors."""
    kind: AssetType
    symbol: str
    wallet: str | None
    wallet_listed: bool
    """Whether the spec lists this word for a wallet."""
    size: Decimal | None
    borrowed: Decimal | None
    notional: Decimal | None
    unrealized_profit: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    margin_balance: Decimal | None
    available: Decimal | None
    leverage: Decimal | None
    share: Decimal | None
    """Of all rows of the same wallet."""


def holds_nothing(row: Row) -> bool:
    """Whether a row has no figure but zeros."""
    figures = (row.size, row.notional, row.unrealized_profit, row.initial_margin, row.maintenance_margin)
    return not any(figures)


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What only a cached balance says."""

    equity: Decimal | None
    from_wallets: bool
    """Whether `equity` was added up from the wallets."""
    time: datetime | None
    time_sent: bool


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one account holds."""

    name: str
    exchange: str | None
    rows: tuple[Row, ...]
    place: str
    """Where it stands in the answer, for errors."""
    cache: CacheEntry | None = None
    """None when the exchange itself was asked."""


def live(name: str, balances: AccountBalances) -> Holdings:
    """An account as the exchange has it."""
    place = "$[...]"  # no name in it: an error says whose account it is anyway
    rows = tuple([_live_row(number, each) for number, each in enumerate(balances.assets)])
    return Holdings(name, balances.exchange, rows, place)


def _live_row(number: int, asset: Asset) -> Row:
    listed = _WALLETS.get(asset.market_type)
    return Row(
        number=number,
        kind=asset.asset_type,
        symbol=asset.symbol,
        wallet=str(asset.market_type) if listed is None else listed,
        wallet_listed=listed is not None,
        size=asset.size,
        borrowed=None,
        notional=None if asset.notional is UNSET else asset.notional,
        unrealized_profit=None if asset.unrealized_profit is UNSET else asset.unrealized_profit,
        initial_margin=None if asset.initial_margin is UNSET else asset.initial_margin,
        maintenance_margin=None if asset.maint_margin is UNSET else asset.maint_margin,
        margin_balance=None if asset.margin_balance is UNSET else asset.margin_balance,
        available=None,
        leverage=None if asset.leverage is UNSET else asset.leverage,
        share=None if asset.notional_pct_total is UNSET else asset.notional_pct_total,
    )


_WALLETS = {wallet: wallet.value for wallet in MarketType}
"""The words of the spec for a wallet, as text that all rows share."""


def cached(number: int, balance: CachedBalance) -> Holdings:
    """An account as the cache has it; `number` is its place in the answer."""
    place = f"$.balances[{number}]"
    assets = known(balance.assets) or []
    equity = known(balance.equity)
    milliseconds = known(balance.timestamp_millis)
    return Holdings(
        balance.account_name,
        known(balance.exchange_name) or known(balance.exchange),
        tuple([_cached_row(n, each) for n, each in enumerate(assets)]),
        place,
        CacheEntry(
            equity=_sum_of_wallets(known(balance.equities) or []) if equity is None else equity,
            from_wallets=equity is None,
            time=None if milliseconds is None else time_from_microseconds(milliseconds * 1000),
            time_sent=milliseconds is not None,
        ),
    )


def _sum_of_wallets(wallets: Sequence[WalletEquity]) -> Decimal | None:
    return total([known(wallet.total_equity) for wallet in wallets]) if wallets else None


def _cached_row(number: int, asset: CachedAsset) -> Row:
    amount = known(asset.amount)
    return Row(
        number=number,
        kind=asset.asset_type,
        symbol=asset.symbol,
        wallet=known(asset.wallet_type) or known(asset.market_type),
        wallet_listed=True,  # the spec lists no words here: builders of markets name wallets
        size=known(asset.size) if amount is None else amount,
        borrowed=known(asset.borrowed),
        notional=known(asset.notional),
        unrealized_profit=known(asset.unrealized_profit),
        initial_margin=known(asset.initial_margin),
        maintenance_margin=known(asset.maint_margin),
        margin_balance=known(asset.margin_balance),
        available=known(asset.available_balance),
        leverage=known(asset.leverage),
        share=None,
    )
