# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""What the venue's operations take and answer."""
# isort: skip_file

from .account import Account
from .account_envelope import AccountEnvelope
from .account_profile_type import AccountProfileType
from .account_status import AccountStatus
from .error_envelope import ErrorEnvelope
from .jwt_envelope import JwtEnvelope
from .jwt_token import JwtToken
from .pagination import Pagination
from .position import Position
from .position_side import PositionSide
from .positions_envelope import PositionsEnvelope
from .refresh_jwt_request import RefreshJwtRequest
from .set_leverage_request import SetLeverageRequest
from .leverage_by_market import LeverageByMarket

__all__ = (
    "Account",
    "AccountEnvelope",
    "AccountProfileType",
    "AccountStatus",
    "ErrorEnvelope",
    "JwtEnvelope",
    "JwtToken",
    "LeverageByMarket",
    "Pagination",
    "Position",
    "PositionsEnvelope",
    "PositionSide",
    "RefreshJwtRequest",
    "SetLeverageRequest",
)
