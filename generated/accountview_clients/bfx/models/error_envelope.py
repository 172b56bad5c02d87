# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define
from msgspec import Raw

from ..types import UNSET, UnsetType


@define(kw_only=True)
class ErrorEnvelope:
    """The answer to a request that was refused or failed.

    Attributes:
        success: Always false.
        error: A code, or a text that holds one.
        result: Empty.
    """

    success: bool
    error: str
    result: list[Raw] | UnsetType = UNSET
