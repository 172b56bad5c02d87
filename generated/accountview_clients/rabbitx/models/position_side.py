# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class PositionSide(OpenStrEnum):
    """The direction; `size` has no sign."""

    LONG = "long"
    SHORT = "short"
