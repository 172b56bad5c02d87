# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class SetLeverageResult:
    """What became of a request to set the leverage.

    Attributes:
        requestId: The venue's name for the request.
        address: The address, in lower case with 0x.
        accountIndex: Which account of the address.
        marketId: The number of the market.
        leverage: The leverage that was asked for.
        marginMode: How positions in the market are margined.
        status: Set, taken, or refused.
        rejectReason: Why it was refused.
    """

    requestId: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    accountIndex: int | UnsetType = UNSET
    marketId: int | UnsetType = UNSET
    leverage: int | UnsetType = UNSET
    marginMode: SetLeverageResultMarginMode | UnsetType = UNSET
    status: SetLeverageResultStatus
    rejectReason: SetLeverageResultRejectReason | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.set_leverage_result_margin_mode import SetLeverageResultMarginMode
from ..models.set_leverage_result_reject_reason import SetLeverageResultRejectReason
from ..models.set_leverage_result_status import SetLeverageResultStatus
