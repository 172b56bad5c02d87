# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class SetLeverageRequest:
    """The leverage of one pair.

    Attributes:
        account_ids: Ids of the accounts, not names.
        pair: The pair as the venue names it: `BTC:PERP-USDC`.
        leverage: The leverage to set. The official client sends text, others send whole numbers.
        margin_mode: The margin mode to set beside it. Seen only in a call of the web application.
    """

    account_ids: list[str]
    pair: str
    leverage: Decimal
    margin_mode: SetLeverageRequestMarginMode | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.set_leverage_request_margin_mode import SetLeverageRequestMarginMode
