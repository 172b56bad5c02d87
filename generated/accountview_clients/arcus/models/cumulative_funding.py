# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class CumulativeFunding:
    """Funding of a position: received is positive, paid is negative.

    Attributes:
        allTime: In this market, since the account exists.
        sinceOpen: Since the position was opened; positive was received, negative was paid.
        sinceChange: Since the size of the position last changed.
    """

    allTime: Decimal | UnsetType = UNSET
    sinceOpen: Decimal | UnsetType = UNSET
    sinceChange: Decimal | UnsetType = UNSET
