# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Position:
    """A position.

    Attributes:
        address: The address, in lower case with 0x.
        accountIndex: Which account of the address.
        marketId: The number of the market: the same as the key of the row.
        marketDisplayName: The market, as in `BTC-USD`.
        side: The direction. The page has LONG and SHORT; an unofficial client BUY and SELL. The stream
            says FLAT of a position that was closed.
        size: The quantity: the page has it negative for a short, unofficial code also without a sign.
        averageEntryPrice: The average price of entry. That it is a price in full units is not confirmed
            by an answer; if so, size times it is `borrowedCapital` with the other sign.
        leverage: The leverage that is set for the market, else the default of the market.
        marginMode: Whether the position shares the account's cash or has a pool of its own.
        borrowedCapital: The cash leg: negative for a long, positive for a short.
        marginUsed: The initial margin at mark price; of an isolated position its whole pool, which does
            not follow the requirement. Without a mark price it rests on the entry price.
        positionValueNotional: Signed size times mark price. Without a mark price it rests on the entry
            price.
        unrealizedPnl: No profit: the margin that was locked at entry less the initial margin at the
            present mark price.
        markPx: The mark price. 0 says that there is none at the moment.
        cumulativeFunding: Funding, by span.
        sequenceNumber: The last engine event of the account that is in the row. Left out where it is
            not set.
    """

    address: str | UnsetType = UNSET
    accountIndex: int | UnsetType = UNSET
    marketId: int
    marketDisplayName: str
    side: PositionSide
    size: Decimal
    averageEntryPrice: Decimal | UnsetType = UNSET
    leverage: Decimal | UnsetType = UNSET
    marginMode: PositionMarginMode | UnsetType = UNSET
    borrowedCapital: Decimal | UnsetType = UNSET
    marginUsed: Decimal | UnsetType = UNSET
    positionValueNotional: Decimal | UnsetType = UNSET
    unrealizedPnl: Decimal | UnsetType = UNSET
    markPx: Decimal | UnsetType = UNSET
    cumulativeFunding: CumulativeFunding | UnsetType = UNSET
    sequenceNumber: int | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.cumulative_funding import CumulativeFunding
from ..models.position_margin_mode import PositionMarginMode
from ..models.position_side import PositionSide
