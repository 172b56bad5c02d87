# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class SetLeverageResultMarginMode(OpenStrEnum):
    """How positions in the market are margined."""

    CROSS = "CROSS"
    ISOLATED = "ISOLATED"
