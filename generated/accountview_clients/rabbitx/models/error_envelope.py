# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
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
        request_id: The venue's name for the request, for its support.
        result: Empty.
    """

    success: bool
    error: str
    request_id: str | UnsetType = UNSET
    result: list[Raw] | UnsetType = UNSET
