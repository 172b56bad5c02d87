# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define


@define(kw_only=True)
class LeverageList:
    """The answer of getLeverages.

    Attributes:
        address: The address, in lower case with 0x.
        accountIndex: Which account of the address.
        leverages: The leverage that is set, or the default where none was set: one row for each market.
    """

    address: str
    accountIndex: int
    leverages: list[MarketLeverage]


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.market_leverage import MarketLeverage
