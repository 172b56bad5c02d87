# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from decimal import Decimal

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class CachedBalance:
    """What one account held.

    Attributes:
        account_id: The id of the account, as it is listed.
        account_name: The name of the account.
        exchange_name: The exchange that holds the account.
        exchange: The same, where exchange_name is not there.
        equity: What the account is worth; where it is there, it counts before `equities`.
        equities: What each wallet is worth; at some exchanges without spot (x-facts,
            equities_without_spot).
        assets: Tokens and positions, mixed.
        timestamp_millis: When the venue looked, UNIX time.
    """

    account_id: str | UnsetType = UNSET
    account_name: str
    exchange_name: str | None | UnsetType = UNSET
    exchange: str | None | UnsetType = UNSET
    equity: Decimal | None | UnsetType = UNSET
    equities: list[WalletEquity] | None | UnsetType = UNSET
    assets: list[CachedAsset] | None | UnsetType = UNSET
    timestamp_millis: int | None | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.cached_asset import CachedAsset
from ..models.wallet_equity import WalletEquity
