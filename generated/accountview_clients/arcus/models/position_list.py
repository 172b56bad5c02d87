# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class PositionList:
    """The answer of getPositions.

    Attributes:
        positions: The open positions, by number of the market; empty when there is none.
        total: How many rows this answer holds. Since 2026-09.
    """

    positions: PositionByMarket
    total: int | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.position_by_market import PositionByMarket
