# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class PositionMarginMode(OpenStrEnum):
    """Whether the position shares the account's cash or has a pool of its own."""

    CROSS = "CROSS"
    ISOLATED = "ISOLATED"
