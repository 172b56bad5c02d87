# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class SetLeverageResultRejectReason(OpenStrEnum):
    """Why it was refused."""

    UNDERCOLLATERALIZED = "UNDERCOLLATERALIZED"
    INVALID_LEVERAGE = "INVALID_LEVERAGE"
    UNKNOWN_MARKET = "UNKNOWN_MARKET"
    HAS_OPEN_POSITION = "HAS_OPEN_POSITION"
