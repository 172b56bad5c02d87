# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class SetLeverageRequestMarginMode(OpenStrEnum):
    """The margin mode to set beside it. Seen only in a call of the web application."""

    CROSS = "CROSS"
    ISOLATED = "ISOLATED"
