# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define


@define(kw_only=True)
class SetLeverageRequest:
    """The body of setLeverage.

    Attributes:
        market_id: The market, as in `BTC-USD`.
        leverage: The leverage to set. The page allows 1 to 20; in 2025 BTC and ETH went up to 50.
    """

    market_id: str
    leverage: int
