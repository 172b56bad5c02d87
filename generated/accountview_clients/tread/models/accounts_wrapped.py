# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define


@define(kw_only=True)
class AccountsWrapped:
    """The list of accounts inside an object.

    Attributes:
        accounts: The accounts.
    """

    accounts: list[Account]


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.account import Account
