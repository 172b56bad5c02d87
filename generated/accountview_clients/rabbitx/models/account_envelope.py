# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class AccountEnvelope:
    """The answer of getAccount and setLeverage.

    Attributes:
        success: Whether the request was carried out.
        error: A code, or a text that holds one. Empty on success until 2024, left out since.
        request_id: The venue's name for the request, for its support.
        result: Exactly one account; empty on failure.
    """

    success: bool
    error: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    result: list[Account]


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.account import Account
