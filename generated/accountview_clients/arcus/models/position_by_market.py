# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
"""Positions, by number of the market: 1 is BTC-USD, 2 is ETH-USD."""

from ..models.position import Position

PositionByMarket = dict[str, Position]
