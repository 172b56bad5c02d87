# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class PositionDirection(OpenStrEnum):
    """Whether the position gains when the price rises or when it falls; `size` has no sign."""

    LONG = "LONG"
    SHORT = "SHORT"
