# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class CachedAsset:
    """A token or a position, as cached: figures mean what they mean in Asset unless said otherwise.

    Attributes:
        symbol: The coin's code for a token, the pair for a position.
        asset_type: Whether the row is wealth or exposure.
        amount: How much: what Asset calls size. Coins that are borrowed are still in it.
        size: The same, where amount is not there.
        borrowed: Coins that are owed: amount − borrowed is held in truth.
        notional: The value, negative when short. Whether a loan is taken off is not known.
        wallet_type: Which wallet: unified, spot, perp, and perpdex-… for a market that others built on
            Hyperliquid.
        market_type: Which wallet, where wallet_type is not there.
        unrealized_profit: Unrealised profit in coins, a loss is negative.
        initial_margin: Initial margin in coins.
        maint_margin: Maintenance margin in coins.
        margin_balance: size + unrealized_profit of a token, in coins.
        available_balance: Coins that are free for new positions.
        leverage: The leverage that is set for a position; 0 where the exchange sets none.
    """

    symbol: str
    asset_type: AssetType
    amount: Decimal | None | UnsetType = UNSET
    size: Decimal | None | UnsetType = UNSET
    borrowed: Decimal | None | UnsetType = UNSET
    notional: Decimal | None | UnsetType = UNSET
    wallet_type: str | None | UnsetType = UNSET
    market_type: str | None | UnsetType = UNSET
    unrealized_profit: Decimal | None | UnsetType = UNSET
    initial_margin: Decimal | None | UnsetType = UNSET
    maint_margin: Decimal | None | UnsetType = UNSET
    margin_balance: Decimal | None | UnsetType = UNSET
    available_balance: Decimal | None | UnsetType = UNSET
    leverage: Decimal | None | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.asset_type import AssetType
