# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class MarketLeverage:
    """The leverage of one market.

    Attributes:
        marketId: The number of the market.
        marketDisplayName: The market, as in `BTC-USD`.
        leverage: The leverage, a whole number here and a text in a position.
        isolated: Whether positions in it are isolated. Since 2026-09.
        marginMode: The same in a word. Since 2026-09.
    """

    marketId: int
    marketDisplayName: str
    leverage: int
    isolated: bool | UnsetType = UNSET
    marginMode: MarketLeverageMarginMode | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.market_leverage_margin_mode import MarketLeverageMarginMode
