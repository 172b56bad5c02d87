# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Done:
    """The answer to a change; which keys it has is not known.

    Attributes:
        message: A sentence for people.
    """

    message: str | UnsetType = UNSET
