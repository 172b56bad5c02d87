# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Position:
    """An open position.

    Attributes:
        id: `pos-`, the market, `-tr-` and the number of the account.
        market_id: The market, as in `BTC-USD`.
        profile_id: The number of the account.
        side: The direction; `size` has no sign.
        size: The quantity, unsigned.
        entry_price: The average price of entry, weighted by size.
        fair_price: The mark price, which all figures of the position and the account rest on.
        liquidation_price: An estimate, by another formula since 2025-02. 0 says that there is none.
        notional: size times fair_price, unsigned.
        margin: notional over the set leverage of the market, at fair price, so it moves with the
            market.
        unrealized_pnl: The profit since entry at fair price; a loss is negative.
    """

    id: str | UnsetType = UNSET
    market_id: str
    profile_id: int | UnsetType = UNSET
    side: PositionSide
    size: Decimal
    entry_price: Decimal | UnsetType = UNSET
    fair_price: Decimal | UnsetType = UNSET
    liquidation_price: Decimal | UnsetType = UNSET
    notional: Decimal | UnsetType = UNSET
    margin: Decimal | UnsetType = UNSET
    unrealized_pnl: Decimal | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.position_side import PositionSide
