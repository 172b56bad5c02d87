# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define


@define(kw_only=True)
class AccountBalances:
    """What one account holds.

    Attributes:
        exchange: The exchange that holds the account, as the venue writes it: `Bybit`, `Binance`,
            `OKX`.
        assets: Tokens and positions, mixed.
    """

    exchange: str
    assets: list[Asset]


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.asset import Asset
