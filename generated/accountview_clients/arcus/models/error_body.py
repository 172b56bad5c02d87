# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class ErrorBody:
    """Why there is no answer.

    Attributes:
        error: A sentence.
        code: A code beside the sentence, for a few errors only.
        errorSource: What kind of request failed, for writes.
        errorType: What kind of error it is, for writes.
        rejectionReason: Why the engine refused, for writes.
    """

    error: str
    code: str | UnsetType = UNSET
    errorSource: str | UnsetType = UNSET
    errorType: str | UnsetType = UNSET
    rejectionReason: str | UnsetType = UNSET
