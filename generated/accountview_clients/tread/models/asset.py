# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Asset:
    """A token or a position. Margin figures and profits are in coins: a token's in its own, a position's
    in the one that it is settled in. A token's hold the sum over the positions that it settles, so
    adding both counts twice.

    Attributes:
        symbol: The coin's code for a token, the pair for a position: `USDT`, `ETH:PERP-USDT`.
        size: How much. Of a token: coins, without unrealised profit. Of a position: base units,
            negative when short; contracts at some exchanges (x-facts, contract_sized_exchanges).
        notional: The value of `size`, negative when short; printed with up to 6 decimals. Wealth for a
            token, exposure for a position. In dollars as far as the examples show.
        market_type: The wallet that the row belongs to, not what the instrument is: USDT is `perp` at
            Binance and `unified` at Bybit.
        asset_type: Whether the row is wealth or exposure.
        unrealized_profit: Unrealised profit in coins, a loss is negative. Of a token: of all positions
            that it settles.
        initial_margin: Initial margin in coins. Of a token: of all that it settles.
        maint_margin: Maintenance margin in coins. Of a token: of all positions that it settles.
        margin_balance: Of a token: size + unrealized_profit, in coins. Positions repeat their coin's or
            have null: never to be added up.
        leverage: The leverage that is set for a position; null for a token. 0 where the exchange sets
            none.
        notional_pct_total: The row's share of all rows of this account with the same market_type: a
            fraction, not percent. In the examples a short alone in its pool has 1.
    """

    symbol: str
    size: Decimal
    notional: Decimal | None | UnsetType = UNSET
    market_type: MarketType
    asset_type: AssetType
    unrealized_profit: Decimal | None | UnsetType = UNSET
    initial_margin: Decimal | None | UnsetType = UNSET
    maint_margin: Decimal | None | UnsetType = UNSET
    margin_balance: Decimal | None | UnsetType = UNSET
    leverage: Decimal | None | UnsetType = UNSET
    notional_pct_total: Decimal | None | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.asset_type import AssetType
from ..models.market_type import MarketType
