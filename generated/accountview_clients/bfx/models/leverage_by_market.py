# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""The leverage that is set, by market id. 1 where none was set."""

from decimal import Decimal

LeverageByMarket = dict[str, Decimal]
