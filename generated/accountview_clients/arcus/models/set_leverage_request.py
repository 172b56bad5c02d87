# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class SetLeverageRequest:
    """The body of setLeverage.

    Attributes:
        address: The address that the key belongs to.
        accountIndex: Which account of the address; 0 when it is left out. The key must be good for it.
        marketId: The number of the market.
        leverage: The leverage to set; each market has a lower maximum of its own.
        isolated: Whether positions in the market are isolated; left as it is when left out.
    """

    address: str
    accountIndex: int | UnsetType = UNSET
    marketId: int
    leverage: int
    isolated: bool | UnsetType = UNSET
