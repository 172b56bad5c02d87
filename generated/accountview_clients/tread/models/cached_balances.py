# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define
from msgspec import Raw

from ..types import UNSET, UnsetType


@define(kw_only=True)
class CachedBalances:
    """What the accounts held when the venue last looked.

    Attributes:
        balances: One row for each account.
        errors: What went wrong for some account although the rest is there. Its form is not known.
    """

    balances: list[CachedBalance]
    errors: str | list[Raw] | CachedErrors | None | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.cached_balance import CachedBalance
from ..models.cached_errors import CachedErrors
