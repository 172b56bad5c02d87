# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define


@define(kw_only=True)
class SetLeverageRequest:
    """The body of setLeverage.

    Attributes:
        market_id: The market, as in `BTC-USD`.
        leverage: The leverage to set.
    """

    market_id: str
    leverage: int
