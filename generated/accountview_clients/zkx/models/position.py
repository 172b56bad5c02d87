# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Position:
    """An open position: one for each market and direction.

    Attributes:
        marketId: The market: base and collateral with nothing between them, as in `SOLUSDC`.
        direction: Whether the position gains when the price rises or when it falls; `size` has no sign.
        avgExecutionPrice: The size-weighted entry price, rounded to the market's tick. Closing a part
            leaves it as it is.
        size: How much is held, in base units; never negative.
        marginAmount: The margin that the position locks: value at entry over leverage, fill by fill.
        borrowedAmount: The rest of the value at entry, beyond marginAmount. It is no loan of an asset.
        leverage: marginAmount + borrowedAmount over marginAmount, rounded to two places: what the fills
            were opened with on average.
        realizedPnl: What was realised so far, signed: profit of the parts that were closed, less the
            fees of opening. Fees of closing and funding are not in it; so on the chain, unconfirmed here.
        liquidationPrice: An estimate, far off for a well-covered account: 21204 where ETH was entered
            at 3994. Neither 0 nor a negative price nor null is shown anywhere; each would say that there is
            none.
        maintenanceMargin: The market's maintenance fraction of the value at the entry price, although
            liquidation goes by the mark price.
    """

    marketId: str
    direction: PositionDirection
    avgExecutionPrice: Decimal | UnsetType = UNSET
    size: Decimal
    marginAmount: Decimal | UnsetType = UNSET
    borrowedAmount: Decimal | UnsetType = UNSET
    leverage: Decimal | UnsetType = UNSET
    realizedPnl: Decimal | UnsetType = UNSET
    liquidationPrice: Decimal | None | UnsetType = UNSET
    maintenanceMargin: Decimal | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.position_direction import PositionDirection
