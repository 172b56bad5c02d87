# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""What the venue's operations take and answer."""
# isort: skip_file

from .account_info import AccountInfo
from .position import Position
from .position_direction import PositionDirection

__all__ = ("AccountInfo", "Position", "PositionDirection")
