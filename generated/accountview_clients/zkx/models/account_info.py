# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class AccountInfo:
    """A trading account. Its figures are of two moments: totalMargin and availableMargin of one,
    totalUnrealizedPnl and the liquidation prices of another, so that totalMargin need not be
    collateralBalance + totalUnrealizedPnl.

    Attributes:
        collateralId: The collateral that was asked about. One of the two examples lacks it.
        collateralBalance: What the account holds of the collateral, without unrealised profit; not what
            can be withdrawn. May be negative.
        availableMargin: The margin free for new positions: totalMargin less the margins of all
            positions, to the last digit. May be negative.
        totalInvested: The exposure at entry prices: the sum of size times avgExecutionPrice over all
            positions, unsigned. The page does not say so; its example does, to the last digit.
        totalMargin: What the account is worth: the balance plus unrealised profit. Signed.
        totalUnrealizedPnl: What closing every position now would add to the balance, before fees; a
            loss is negative. Exactly 0 with open positions says that a mark price was stale: nothing was
            computed then.
        positions: All open positions; empty when flat. One market may stand twice, long and short. (One
            example shows a number here, made from types alone.)
    """

    collateralId: str | UnsetType = UNSET
    collateralBalance: Decimal | UnsetType = UNSET
    availableMargin: Decimal | UnsetType = UNSET
    totalInvested: Decimal | UnsetType = UNSET
    totalMargin: Decimal | UnsetType = UNSET
    totalUnrealizedPnl: Decimal | UnsetType = UNSET
    positions: list[Position]


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.position import Position
