# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class MarketLeverageMarginMode(OpenStrEnum):
    """The same in a word. Since 2026-09."""

    CROSS = "CROSS"
    ISOLATED = "ISOLATED"
