# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
"""What the venue's operations take and answer."""
# isort: skip_file

from .account import Account
from .cumulative_funding import CumulativeFunding
from .error_body import ErrorBody
from .leverage_list import LeverageList
from .market_leverage import MarketLeverage
from .market_leverage_margin_mode import MarketLeverageMarginMode
from .position import Position
from .position_list import PositionList
from .position_margin_mode import PositionMarginMode
from .position_side import PositionSide
from .set_leverage_request import SetLeverageRequest
from .set_leverage_result import SetLeverageResult
from .set_leverage_result_margin_mode import SetLeverageResultMarginMode
from .set_leverage_result_reject_reason import SetLeverageResultRejectReason
from .set_leverage_result_status import SetLeverageResultStatus
from .position_by_market import PositionByMarket

__all__ = (
    "Account",
    "CumulativeFunding",
    "ErrorBody",
    "LeverageList",
    "MarketLeverage",
    "MarketLeverageMarginMode",
    "Position",
    "PositionByMarket",
    "PositionList",
    "PositionMarginMode",
    "PositionSide",
    "SetLeverageRequest",
    "SetLeverageResult",
    "SetLeverageResultMarginMode",
    "SetLeverageResultRejectReason",
    "SetLeverageResultStatus",
)
