# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Account:
    """An account as it is listed. Key material comes masked and is not read.

    Attributes:
        id: Names the account where it is changed; a UUID.
        name: Names the account in balances and orders; free text, unique for its owner.
        exchange: The exchange that holds the account.
        margin_mode: The margin mode of an OKX account; null for others.
        archived: Whether it was archived.
        valid: Whether the exchange still takes the key that the venue holds.
    """

    id: str | UnsetType = UNSET
    name: str
    exchange: str | UnsetType = UNSET
    margin_mode: AccountMarginMode | None | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    valid: bool | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.account_margin_mode import AccountMarginMode
