# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class AccountMarginMode(OpenStrEnum):
    """How an account shares its margin."""

    ISOLATED = "ISOLATED"
    CROSS = "CROSS"
    CASH = "CASH"
    SPOT_ISOLATED = "SPOT_ISOLATED"
