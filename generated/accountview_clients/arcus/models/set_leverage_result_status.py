# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class SetLeverageResultStatus(OpenStrEnum):
    """Set, taken, or refused."""

    APPLIED = "APPLIED"
    ACK = "ACK"
    REJECTED = "REJECTED"
