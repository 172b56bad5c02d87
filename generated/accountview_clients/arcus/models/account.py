# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Account:
    """One account of an address. It tells no maintenance requirement and no liquidation price.

    Attributes:
        accountIndex: Which account of the address.
        address: The address, in lower case with 0x.
        netQuoteBalance: Cash including the cash leg of every open position: a long has lowered it by
            size times entry price, a short has raised it. So it is no wallet balance, and below zero for a
            leveraged long as a matter of course. With size times oracle price of every position added it is
            `equity`.
        equity: netQuoteBalance plus signed size times oracle price of every position, at the moment of
            reading.
        freeCollateral: equity less the initial margin of every position; may be below zero. A
            withdrawal above it is refused.
        netDeposits: Deposits less withdrawals since the account exists; may be below zero.
        pendingDeposits: Deposits on their way. The page names no unit, and not whether equity holds
            them: probably not.
        pendingWithdrawals: Withdrawals on their way. The page names no unit, and not whether equity
            still holds them.
        positions: The open positions, by number of the market. Whole; empty when flat.
        sequenceNumber: The last engine event of this account that is in the figures. It may pass 2**53.
    """

    accountIndex: int
    address: str
    netQuoteBalance: Decimal
    equity: Decimal
    freeCollateral: Decimal | UnsetType = UNSET
    netDeposits: Decimal | UnsetType = UNSET
    pendingDeposits: Decimal | UnsetType = UNSET
    pendingWithdrawals: Decimal | UnsetType = UNSET
    positions: PositionByMarket
    sequenceNumber: int | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.position_by_market import PositionByMarket
