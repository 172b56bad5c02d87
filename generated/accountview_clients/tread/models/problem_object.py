# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class ProblemObject:
    """Why a request failed; one of the keys is there.

    Attributes:
        error: A sentence for people.
        message: A sentence for people.
        detail: A sentence for people, where the framework below refuses.
        errors: A sentence, or a list of them.
    """

    error: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    errors: str | list[str] | UnsetType = UNSET
