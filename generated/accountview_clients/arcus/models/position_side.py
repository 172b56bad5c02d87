# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class PositionSide(OpenStrEnum):
    """The direction. The page has LONG and SHORT; an unofficial client BUY and SELL. The stream says FLAT
    of a position that was closed."""

    LONG = "LONG"
    SHORT = "SHORT"
    BUY = "BUY"
    SELL = "SELL"
    FLAT = "FLAT"
