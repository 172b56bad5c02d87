# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define


@define(kw_only=True)
class UpdateAccountRequest:
    """A change of an account.

    Attributes:
        id: Which account: its id, not its name.
        margin_mode: The margin mode that it shall have.
    """

    id: str
    margin_mode: AccountMarginMode


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.account_margin_mode import AccountMarginMode
