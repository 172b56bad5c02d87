# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class WalletEquity:
    """What one wallet is worth. The page's table has more columns.

    Attributes:
        total_equity: The equity of the wallet.
        market_type: Which wallet.
    """

    total_equity: Decimal | None | UnsetType = UNSET
    market_type: str | None | UnsetType = UNSET
