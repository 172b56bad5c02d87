# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class AssetType(OpenStrEnum):
    """What a row is: `token` is wealth, `position` is exposure."""

    TOKEN = "token"
    POSITION = "position"
