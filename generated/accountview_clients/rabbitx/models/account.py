# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Account:
    """The summary of an account. Amounts are in the collateral and sent as text with up to 38 significant
    digits. Answers of 2025 also hold positions, orders and a tier; nothing reads them here.

    Attributes:
        id: The number of the account (its profile id).
        status: Whether the account may trade. A `liquidating` one can place and cancel no order and
            withdraw nothing. The page shows only `active`; `blocked` is unconfirmed, from one third party.
        profile_type: What the account is for. The page shows only `trader`.
        wallet: The address of the owner; upper and lower case vary, compare without regard to case.
        last_update: When the summary was computed, UNIX time. It stands still while the account is
            quiet.
        last_liq_check: Undocumented; 0 wherever it was seen.
        balance: The wallet balance: deposits less withdrawals and fees, plus realised profit and
            funding. Without unrealised profit. Signed.
        account_equity: balance + cum_unrealized_pnl. Signed.
        cum_unrealized_pnl: The unrealised profit of all positions at fair price; a loss is negative.
        total_notional: The sum of size times fair price of all positions, unsigned.
        total_position_margin: The sum of notional over set leverage of all positions, at fair price.
        total_order_margin: The sum of size times price over set leverage of all open orders.
        withdrawable_balance: The lesser of account_equity and balance, less position and order margin:
            unrealised profit cannot be withdrawn, unrealised loss counts. May be negative; an order that
            would make it so is refused.
        account_margin: account_equity over total_notional: higher is safer. 1 when flat.
        account_leverage: total_notional over account_equity: the leverage in effect, not the one that
            is set. 1 when flat.
        health: account_margin where that is below 1, else 1. Undocumented; so in every answer that was
            seen.
        mmf_total: The maintenance requirement. Sent since 2025.
        acmf_total: The requirement below which everything is closed at once. Sent since 2025.
        cum_trading_volume: The notional traded over the life of the account, unsigned.
        leverage: The leverage that is set, by market.
    """

    id: int
    status: AccountStatus
    profile_type: AccountProfileType | UnsetType = UNSET
    wallet: str | UnsetType = UNSET
    last_update: int | UnsetType = UNSET
    last_liq_check: int | UnsetType = UNSET
    balance: Decimal | UnsetType = UNSET
    account_equity: Decimal | UnsetType = UNSET
    cum_unrealized_pnl: Decimal | UnsetType = UNSET
    total_notional: Decimal | UnsetType = UNSET
    total_position_margin: Decimal | UnsetType = UNSET
    total_order_margin: Decimal | UnsetType = UNSET
    withdrawable_balance: Decimal | UnsetType = UNSET
    account_margin: Decimal | UnsetType = UNSET
    account_leverage: Decimal | UnsetType = UNSET
    health: Decimal | UnsetType = UNSET
    mmf_total: Decimal | UnsetType = UNSET
    acmf_total: Decimal | UnsetType = UNSET
    cum_trading_volume: Decimal | UnsetType = UNSET
    leverage: LeverageByMarket | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.account_profile_type import AccountProfileType
from ..models.account_status import AccountStatus
from ..models.leverage_by_market import LeverageByMarket
