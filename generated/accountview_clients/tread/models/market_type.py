# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class MarketType(OpenStrEnum):
    """A wallet. `future` and `option` were announced and not yet in use in 2026."""

    SPOT = "spot"
    PERP = "perp"
    UNIFIED = "unified"
    FUTURE = "future"
    OPTION = "option"
